#!/bin/bash
# The pods' network: flannel learns every node's subnet from the Kubernetes
# API; pods are on a bridge in their node's subnet.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

if [ "$MAGNUM_NETWORK_DRIVER" != flannel ]; then
    # An add-on makes the network. A guest may have been made of a node of flannel's.
    rm -f /etc/cni/net.d/10-magnum.conflist
    exit 0
fi

write_kubeconfig flannel "$(api_url)"
write_kubernetes flannel.json <<JSON
{"Network": "$MAGNUM_POD_CIDR", "Backend": {"Type": "$MAGNUM_FLANNEL_BACKEND"}}
JSON
write_unit flanneld "flannel, the network of pods" "$(command -v flanneld)" \
    --kube-subnet-mgr --kubeconfig-file=/etc/kubernetes/flannel.conf \
    --net-config-path=/etc/kubernetes/flannel.json \
    --iface="$MAGNUM_NODE_ADDRESS" --ip-masq
mkdir -p /etc/systemd/system/flanneld.service.d
cat >/etc/systemd/system/flanneld.service.d/node.conf <<UNIT
[Service]
Environment=NODE_NAME=$MAGNUM_NODE_NAME
UNIT
rm -f /run/flannel/subnet.env
start_service flanneld
uses_authorities flanneld

wait_until "${MAGNUM_NETWORK_SECONDS:-900}" test -s /run/flannel/subnet.env
# shellcheck source=/dev/null
. /run/flannel/subnet.env
mkdir -p /etc/cni/net.d
# flannel gives the bridge's address; CNI wants the network's.
subnet=$(python3 -c "import ipaddress, sys
print(ipaddress.ip_interface(sys.argv[1]).network)" "$FLANNEL_SUBNET")
cat >/etc/cni/net.d/10-magnum.conflist <<JSON
{
  "cniVersion": "0.3.1",
  "name": "magnum",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isDefaultGateway": true,
      "hairpinMode": true, "mtu": $FLANNEL_MTU,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "$subnet"}]]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
JSON
