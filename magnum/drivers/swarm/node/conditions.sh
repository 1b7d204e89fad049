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

# leads: one manager says what all know.
leads() {
    [ "$(docker node inspect --format '{{.ManagerStatus.Leader}}' self 2>/dev/null)" = true ]
}

# are_there: the nodes that are to have tasks, as managers see it.
are_there() {
    local states lost
    states=$(docker node ls --format '{{.Status}}') || return 0
    if [[ ${states,,} == *down* ]] && lost=$(lost_members) && [ "$lost" ]; then
        echo "down: ${lost//$'\n'/, }"
        return 1
    fi
}

case $1 in
    condition)
        condition Node NotInSwarm is_active
        if [ "$MAGNUM_NODE_ROLE" = master ]; then
            condition ControlPlane NoManager docker node ls --quiet
            if leads; then
                condition Members NodesDown are_there
            fi
        fi
        ;;
    version)
        echo "version docker $(docker version --format '{{.Server.Version}}')"
        ;;
esac
