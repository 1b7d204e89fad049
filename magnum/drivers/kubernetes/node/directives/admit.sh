#!/bin/bash
# Let nodes that were drained, and stay, have pods again.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

for name in $MAGNUM_NODES; do
    if [ -n "$(kubectl get node "$name" --ignore-not-found --output name)" ]; then
        kubectl uncordon "$name"
    else
        say "$name is not in the cluster"
    fi
done
