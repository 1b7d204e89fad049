#!/bin/bash
# conditions.sh condition: how this node of the cluster is, for the agent.
# conditions.sh version: of its programs.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

# There since the cluster has no node of this name.
missing=/run/magnum/missing

# missing_for SECONDS: it has none for so long. An upgrade takes a node out of the cluster
# before it replaces it.
missing_for() {
    mkdir -p "${missing%/*}"
    [ -e "$missing" ] || : >"$missing"
    [ $(($(date +%s) - $(date --reference="$missing" +%s))) -ge "$1" ]
}

# serves: the kubelet is well, and so is the node, as far as the API server can be asked: how
# that is, masters say. A kubelet registers its node when it starts, and never again.
serves() {
    local node
    curl --fail --silent --show-error --noproxy '*' --max-time 10 --output /dev/null \
        http://127.0.0.1:10248/healthz || return 1
    if node=$(own_node 10 2>/dev/null); then
        rm -f "$missing"
        # Through a pipe: a long text in "<<<" is a file, for which a full disk has no room.
        printf '%s' "$node" | is_ready
    # By 22 curl tells of an answer that is an error.
    elif [ $? = 22 ] && is_missing 10 && missing_for 300; then
        echo "the cluster has no node of this name: restart its kubelet, or replace it"
        return 1
    fi
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
