#!/bin/bash
# Delete the objects of nodes that are gone, and with them what ran there.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

read -ra names <<<"$MAGNUM_NODES"
kubectl delete node --ignore-not-found --timeout=60s "${names[@]}"
