#!/bin/bash
# conditions.sh condition: how this node of the cluster is, for the agent.
# conditions.sh version: of its programs.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

# serves: the kubelet is well, and so is the node, as far as the API server can be asked: how
# that is, masters say.
serves() {
    local node
    curl --fail --silent --show-error --noproxy '*' --max-time 10 --output /dev/null \
        http://127.0.0.1:10248/healthz || return 1
    node=$(own_node 10 2>/dev/null) || return 0
    is_ready <<<"$node"
}

case $1 in
    condition)
        condition Node NotReady serves
        if [ "$MAGNUM_NODE_ROLE" = master ]; then
            condition ControlPlane APINotReady kubectl --request-timeout=10s \
                --kubeconfig=/etc/kubernetes/admin.conf get --raw=/readyz
            # Of the master that cares for them.
            if [ -e /run/magnum/addons ]; then
                echo "condition Addons $(cat /run/magnum/addons)"
            fi
        else
            # At the bay's address, through its load balancer if it has one.
            condition API NotReachable api_get 10 /version
        fi
        ;;
    version)
        said=$(kubelet --version)
        echo "version kubelet ${said##* }"
        read -r _ _ said _ < <(containerd --version)
        echo "version containerd $said"
        ;;
esac
