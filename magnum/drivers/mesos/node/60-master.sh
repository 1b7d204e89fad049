#!/bin/bash
# The Mesos master of this node; the masters elect one of them by ZooKeeper.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=mesos.sh
. /opt/magnum/mesos.sh

mkdir -p /var/lib/mesos
masters=$(wc -w <<<"$MAGNUM_MASTER_ADDRESSES")
write_program_unit mesos-master "$MAGNUM_MESOS_MASTER_IMAGE" mesos-master \
    --zk="$(zookeeper_url mesos)" --quorum="$((masters / 2 + 1))" \
    --ip="$MAGNUM_NODE_ADDRESS" --port=5050 \
    --hostname="${MAGNUM_NODE_PUBLIC_ADDRESS:-$MAGNUM_NODE_ADDRESS}" \
    --cluster="$MAGNUM_BAY_NAME" --work_dir=/var/lib/mesos
start_service mesos-master
wait_until 300 http_ok "http://$MAGNUM_NODE_ADDRESS:5050/health"
