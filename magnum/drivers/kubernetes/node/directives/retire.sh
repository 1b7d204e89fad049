#!/bin/bash
# Take masters out of the cluster for good: their members of etcd, then what Kubernetes
# has of them. They are there yet, or lost. This master keeps a snapshot before, and notes
# it in the end, for the event.
#
# May be killed anywhere, and told again.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

load_environment
read -ra names <<<"$MAGNUM_NODES"

# goes URL: is it one of those that go?
goes() {
    local address
    for address in $MAGNUM_NODE_ADDRESSES; do
        if [ "$1" = "https://$address:2380" ]; then
            return 0
        fi
    done
    return 1
}

nobody_goes() {
    say "etcd of the masters that stay is not well: none goes"
    exit 1
}

stay=
going=()
clients=()
kept=
heir=
# One that was lost may have led it.
etcd_becomes_well '' || nobody_goes
listed=$(bay_etcdctl member list)
# A line each: id, status, name, URL for members, for clients, whether it only learns.
while IFS=, read -r id _ _ peer client learns; do
    if goes "${peer# }"; then
        going+=("$id ${client# }")
        clients+=("${client# }")
    else
        stay=$stay,${client# }
        if [ "${learns# }" != true ]; then
            heir=${heir:-$id}
        fi
    fi
done <<<"$listed"

# leave ID CLIENT-URL: one member. A leader that goes gives that to another one first.
leave() {
    local id=$1 client=${2:-} status=''
    if [ "$client" ]; then
        status=$(endpoints=$client bay_etcdctl endpoint status) || status=
    fi
    # What is true or false first is whether it leads; releases have more and more before that.
    if [[ $status =~ ,\ (true|false), && ${BASH_REMATCH[1]} = true ]]; then
        endpoints=$client bay_etcdctl move-leader "$heir"
    fi
    bay_etcdctl member remove "$id"
}

if ((${#going[@]})); then
    if [ -z "$heir" ] || ! etcd_becomes_well "${stay#,}"; then
        nobody_goes
    fi
    snapshot_before "${clients[@]}" || exit 1
    for one in "${going[@]}"; do
        # shellcheck disable=SC2086 # two words, or one of a member that never came up
        leave $one
    done
fi
# The API server has lost connections to members that left: it fails once or twice.
wait_until 120 forget_nodes "${names[@]}"
[ -z "$kept" ] || echo "note $kept"
