#!/bin/bash
# conditions.sh condition: how this node of the swarm is, for the agent.
# conditions.sh version: of the engine.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=swarm.sh
. /opt/magnum/swarm.sh

is_active() {
    local state
    state=$(swarm_state) && echo "its state is $state" && [ "$state" = active ]
}

case $1 in
    condition)
        condition Node NotInSwarm is_active
        if [ "$MAGNUM_NODE_ROLE" = master ]; then
            condition ControlPlane NoManager docker node ls --quiet
        fi
        ;;
    version)
        echo "version docker $(docker version --format '{{.Server.Version}}')"
        ;;
esac
