#!/bin/bash
# conditions.sh condition: how Mesos is on this node, for the agent.
# conditions.sh version: of Docker, by which its tasks run.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=mesos.sh
. /opt/magnum/mesos.sh

controls() {
    in_quorum && http_ok "http://$MAGNUM_NODE_ADDRESS:5050/health"
}

case $1 in
    condition)
        if [ "$MAGNUM_NODE_ROLE" = master ]; then
            condition ControlPlane MasterUnhealthy controls
        else
            condition Node AgentUnhealthy http_ok "http://$MAGNUM_NODE_ADDRESS:5051/health"
        fi
        ;;
    version)
        echo "version docker $(docker version --format '{{.Server.Version}}')"
        ;;
esac
