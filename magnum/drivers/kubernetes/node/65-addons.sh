#!/bin/bash
# What the bay runs in itself; applied by the first master, any time again.
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ "$MAGNUM_NODE_INDEX" != 0 ]; then
    exit 0
fi
for manifest in /opt/magnum/manifests/*.yaml; do
    sed -e "s,@COREDNS_IMAGE@,$MAGNUM_COREDNS_IMAGE,g" \
        -e "s,@DNS_ADDRESS@,$MAGNUM_DNS_ADDRESS,g" "$manifest" |
        kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --filename=-
done
