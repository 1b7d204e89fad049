#!/bin/bash
# Delete the objects of nodes that are gone, and of what ran there. Kubernetes would
# keep those pods for a minute or two, and lead requests for services to them.
#
# A master goes only while etcd of all others is well: without one more there may be no
# quorum. It stays a member until the one in its place takes that over. This master keeps
# a snapshot before, and notes it in the end, for the event.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

load_environment
read -ra names <<<"$MAGNUM_NODES"
read -ra masters <<<"$MAGNUM_MASTER_ADDRESSES"
stay=
going=()
kept=
for index in "${!masters[@]}"; do
    url=https://${masters[index]}:2379
    case " $MAGNUM_NODES " in
        *"-master-$index "*) going+=("$url") ;;
        *) stay=$stay,$url ;;
    esac
done
if [[ " $MAGNUM_NODES " =~ -master-[0-9]+\  ]]; then
    if ! etcd_becomes_well "${stay#,}"; then
        say "etcd of the masters that stay is not well: none goes"
        exit 1
    fi
    snapshot_before ${going[@]+"${going[@]}"} || exit 1
fi
forget_nodes "${names[@]}"
[ -z "$kept" ] || echo "note $kept"
