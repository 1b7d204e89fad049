#!/bin/bash
# Delete the objects of nodes that are gone, and of what ran there. Kubernetes would
# keep those pods for a minute or two, and lead requests for services to them.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

read -ra names <<<"$MAGNUM_NODES"
kubectl delete node --ignore-not-found --timeout=60s "${names[@]}"
for name in "${names[@]}"; do
    kubectl delete pods --all-namespaces --field-selector "spec.nodeName=$name" \
        --grace-period=0 --force --wait=false
done
