#!/bin/bash
# A node has come up when the bay calls it ready.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

node_ready() {
    local node
    node=$(own_node 20) || return 1
    printf '%s' "$node" | is_ready
}
if ! wait_until "${MAGNUM_READY_SECONDS:-900}" node_ready; then
    # Of the master that installs add-ons, of which the network may be one.
    cat /run/magnum/addons 2>/dev/null || true
    exit 1
fi

if [ "$MAGNUM_NODE_ROLE" = master ]; then
    # Kubelets may not give themselves the first label. By the second load balancers of the
    # workload lead to workers alone, whose ports of services are open to them.
    kubectl --kubeconfig=/etc/kubernetes/admin.conf label --overwrite \
        "node/$MAGNUM_NODE_NAME" node-role.kubernetes.io/control-plane= \
        node.kubernetes.io/exclude-from-external-load-balancers=
fi
