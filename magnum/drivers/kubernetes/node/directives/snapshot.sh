#!/bin/bash
# Keep a snapshot of etcd on its volume, before the server of the only master goes.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh

load_environment
kept=
snapshot_before "https://$MAGNUM_NODE_ADDRESS:2379" || exit 1
sync
echo "note $kept"
