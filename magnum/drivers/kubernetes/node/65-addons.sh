#!/bin/bash
# What the bay runs in itself; applied by the first master, any time again.
# roles: master
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ "$MAGNUM_NODE_INDEX" != 0 ]; then
    exit 0
fi
for manifest in /opt/magnum/manifests/*.yaml; do
    if [[ $manifest == */flannel.yaml && $MAGNUM_NETWORK_DRIVER != flannel ]]; then
        continue
    fi
    sed -e "s,@COREDNS_IMAGE@,$MAGNUM_COREDNS_IMAGE,g" \
        -e "s,@DNS_ADDRESS@,$MAGNUM_DNS_ADDRESS,g" \
        -e "s,\"@SYSTEM_PODS_DELAY@\",$MAGNUM_SYSTEM_PODS_DELAY,g" \
        -e "s,\"@SYSTEM_PODS_TIMEOUT@\",$MAGNUM_SYSTEM_PODS_TIMEOUT,g" "$manifest" |
        kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --filename=-
done

# Pods read what their API server is trusted by when they start. So CoreDNS and
# add-ons are started anew when Kubernetes has told pods what the bay trusts now. trust.sh does
# not wait for that: where another master's controller manager leads, that one tells
# them when it has had its turn, which is after this master's.
cat >/opt/magnum/addons_trust.sh <<'SCRIPT'
#!/bin/bash
set -euo pipefail
export KUBECONFIG=/etc/kubernetes/admin.conf
. /opt/magnum/lib.sh
pods_are_told() {
    kubectl --namespace=kube-system get configmap kube-root-ca.crt \
        --output='jsonpath={.data.ca\.crt}' | cmp --silent - "$certificates/ca.pem"
}
wait_until 3600 pods_are_told
kubectl --namespace=kube-system rollout restart deployment/coredns
load_environment
python3 /opt/magnum/charts.py restart
SCRIPT
chmod 0700 /opt/magnum/addons_trust.sh
cat >/etc/systemd/system/magnum-addons-trust.service <<'UNIT'
[Unit]
Description=Starts CoreDNS anew when the bay trusts other authorities

[Service]
RemainAfterExit=yes
Restart=on-failure
RestartSec=30
ExecStart=/opt/magnum/addons_trust.sh
UNIT
systemctl daemon-reload
uses_authorities magnum-addons-trust
