#!/bin/bash
# conditions.sh condition: how this node of the cluster is, for the agent.
# conditions.sh version: of its programs.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

case $1 in
    condition)
        condition Node KubeletUnhealthy curl --fail --silent --show-error --noproxy '*' \
            --max-time 10 http://127.0.0.1:10248/healthz
        if [ "$MAGNUM_NODE_ROLE" = master ]; then
            condition ControlPlane APINotReady kubectl --request-timeout=10s \
                --kubeconfig=/etc/kubernetes/admin.conf get --raw=/readyz
            # Of the master that cares for them.
            if [ -e /run/magnum/addons ]; then
                echo "condition Addons $(cat /run/magnum/addons)"
            fi
        fi
        ;;
    version)
        said=$(kubelet --version)
        echo "version kubelet ${said##* }"
        said=$(containerd --version)
        read -r _ _ said _ <<<"$said"
        echo "version containerd $said"
        ;;
esac
