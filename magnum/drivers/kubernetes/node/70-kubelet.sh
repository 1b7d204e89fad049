#!/bin/bash
# kubelet and kube-proxy. Masters run them too, so that what runs on the
# network of pods is reachable from the API server; a taint keeps pods away.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

taints=${MAGNUM_NODE_TAINTS:-}
if [ "$MAGNUM_NODE_ROLE" = master ]; then
    taints=node-role.kubernetes.io/control-plane=:NoSchedule
fi
labels=magnum.openstack.org/role=$MAGNUM_NODEGROUP_ROLE
labels=$labels,magnum.openstack.org/nodegroup=$MAGNUM_NODEGROUP
own_labels=${MAGNUM_NODE_LABELS:-}
labels=$labels${own_labels:+,$own_labels}
resolver=/etc/resolv.conf
if [ -e /run/systemd/resolve/resolv.conf ]; then
    # The one in /etc names the local stub, which is no server for pods.
    resolver=/run/systemd/resolve/resolv.conf
fi

# Where the container runtime is, is a setting of kubelet from 1.27 on and an option
# before; up to 1.23 it had to be named as remote, too.
runtime=unix:///run/containerd/containerd.sock
version=$(kubelet --version)
minor=${version#*.}
minor=${minor%%.*}
runtime_setting=
further_options=()
if ((minor >= 27)); then
    runtime_setting="containerRuntimeEndpoint: $runtime"
else
    further_options=(--container-runtime-endpoint="$runtime")
fi
if ((minor < 24)); then
    further_options+=(--container-runtime=remote)
fi

# The cloud provider takes away the taint that the kubelet registers its node with. It
# finds the node's server by its id, which cloud-init keeps, or else by its name;
# autoscalers find it by the id.
if [ "${MAGNUM_CLOUD_PROVIDER:-}" = true ]; then
    further_options+=(--cloud-provider=external)
fi
cloud_setting=
server=$(cat /var/lib/cloud/data/instance-id || true)
if [[ $server =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]; then
    cloud_setting="providerID: openstack:///$server"
fi

write_kubeconfig kubelet "$(api_url)"
write_kubeconfig proxy "$(api_url)"
mkdir -p /etc/kubernetes/manifests
write_kubernetes kubelet.yaml <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $certificates/ca.pem}
authorization: {mode: Webhook}
cgroupDriver: $MAGNUM_CGROUP_DRIVER
clusterDNS: [$MAGNUM_DNS_ADDRESS]
clusterDomain: cluster.local
failSwapOn: false
readOnlyPort: 0
resolvConf: $resolver
staticPodPath: /etc/kubernetes/manifests
tlsCertFile: $certificates/kubelet.pem
tlsCipherSuites: [$ciphers]
tlsPrivateKeyFile: $certificates/kubelet.key
$runtime_setting
$cloud_setting
YAML

read -ra options <<<"$MAGNUM_KUBELET_OPTIONS"
write_unit kubelet "Kubernetes node agent" "$(command -v kubelet)" \
    --config=/etc/kubernetes/kubelet.yaml \
    "${further_options[@]}" ${taints:+--register-with-taints="$taints"} \
    --hostname-override="$MAGNUM_NODE_NAME" \
    --kubeconfig=/etc/kubernetes/kubelet.conf \
    --node-ip="$MAGNUM_NODE_ADDRESS" \
    --node-labels="$labels" \
    "${options[@]}"

# Without a file of configuration: with one it would drop the options of the label, and say
# nothing.
read -ra options <<<"$MAGNUM_KUBEPROXY_OPTIONS"
write_unit kube-proxy "Kubernetes services' network" "$(command -v kube-proxy)" \
    --cluster-cidr="$MAGNUM_POD_CIDR" \
    --conntrack-max-per-core=0 \
    --hostname-override="$MAGNUM_NODE_NAME" \
    --kubeconfig=/etc/kubernetes/proxy.conf \
    --proxy-mode=iptables \
    "${options[@]}"

# A renewed worker has the name of the one before it. Kubernetes would go on
# with that one's labels, taints and pods, unless its object is gone.
forget_former_node() {
    local code
    code=$(curl --silent --show-error --max-time 20 --noproxy '*' -X DELETE \
        --cacert "$certificates/ca.pem" --cert "$certificates/renewal.pem" \
        --key "$certificates/renewal.key" --output /dev/null \
        --write-out '%{http_code}' \
        "$(api_url)/api/v1/nodes/$MAGNUM_NODE_NAME") || return 1
    case $code in
        200 | 404) return 0 ;;
        *) say "the API answered $code" && return 1 ;;
    esac
}
# Of the only master nobody else has deleted it. Here, too, once: later it is the node's own.
forgotten=$certificates/forgotten
if [[ $MAGNUM_NODE_ROLE = master && ${MAGNUM_NODE_REVISION:-0} != 0 && ! -e $forgotten ]]; then
    KUBECONFIG=/etc/kubernetes/admin.conf wait_until 300 forget_nodes "$MAGNUM_NODE_NAME"
    : >"$forgotten"
fi
# One that has done so is the node itself by now, when cloud-init runs again.
if [ "$MAGNUM_NODE_ROLE" = worker ] && [ -e "$certificates/renewal.key" ]; then
    wait_until 1200 forget_former_node
    rm -f "$certificates/renewal.key"
fi

start_service kubelet kube-proxy
if [ "$MAGNUM_NODE_ROLE" = master ]; then
    services_last kube-controller-manager kube-scheduler kubelet kube-proxy
else
    services_last kubelet kube-proxy
fi
# kubelet reads the certificate that it serves with when it starts.
uses_certificates kubelet
uses_authorities kube-proxy
