#!/bin/bash
# Marathon, by which users run applications on Mesos.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=mesos.sh
. /opt/magnum/mesos.sh

write_program_unit marathon "$MAGNUM_MARATHON_IMAGE" marathon \
    --master "$(zookeeper_url mesos)" --zk "$(zookeeper_url marathon)" \
    --hostname "$MAGNUM_NODE_ADDRESS" --http_port 8080
start_service marathon
wait_until 600 http_ok "http://$MAGNUM_NODE_ADDRESS:8080/ping"
