#!/bin/bash
# API server, controller manager, scheduler.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

for user in admin controller-manager scheduler; do
    write_kubeconfig $user "https://127.0.0.1:6443"
done

etcd_servers=https://127.0.0.1:2379
for address in $MAGNUM_MASTER_ADDRESSES; do
    if [ "$address" != "$MAGNUM_NODE_ADDRESS" ]; then
        etcd_servers=$etcd_servers,https://$address:2379
    fi
done

further=()
# configured OPTION FILE: of the API server; what it reads is the standard input.
configured() {
    write_kubernetes "$2"
    further+=("--$1=/etc/kubernetes/$2")
}
# What was written before there was a key is read all the same.
kept=$(<"$encryption_key")
if [ "$kept" ]; then
    configured encryption-provider-config encryption.yaml < <(encryption_configuration)
fi

# Who did what, without what its own programs read, report and renew all the time.
if [ "${MAGNUM_AUDIT_LOG:-}" ]; then
    configured audit-policy-file audit.yaml <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, resources: [{resources: [secrets]}]}
- level: None
  resources: [{resources: [events]}, {group: events.k8s.io}, {group: coordination.k8s.io}]
- level: None
  userGroups: [system:nodes, system:serviceaccounts:kube-system]
  verbs: [get, list, watch]
- level: None
  users: [system:kube-controller-manager, system:kube-scheduler]
  verbs: [get, list, watch]
- {level: None, nonResourceURLs: ["*"]}
- {level: Metadata}
YAML
    further+=(--audit-log-path=/var/log/magnum/audit.log)
    for bound in $MAGNUM_AUDIT_LOG; do
        further+=("--audit-log-max$bound")
    done
fi

# Whose a token of Keystone is the service says, over the agent's channel.
if [ "${MAGNUM_KEYSTONE_AUTH:-}" = true ]; then
    write_unit magnum-logins "Logins with tokens of Keystone" \
        /usr/bin/env PYTHONPATH=/opt/magnum /usr/bin/python3 -m agent.logins
    start_service magnum-logins
    configured authentication-token-webhook-config-file logins.yaml <<YAML
apiVersion: v1
kind: Config
clusters:
- name: magnum
  cluster: {server: "https://127.0.0.1:10981/", certificate-authority: $certificates/ca.pem}
users:
- name: kube-apiserver
  user: {}
contexts:
- name: magnum
  context: {cluster: magnum, user: kube-apiserver}
current-context: magnum
YAML
    further+=(--authentication-token-webhook-version=v1)
else
    end_service magnum-logins
fi

version=$(kube-apiserver --version)
minor=${version#*.}
minor=${minor%%.*}

# lacks_progress VERSION: does etcd of this version not say how far a watch is when it is
# asked? The API server goes by the same releases.
lacks_progress() {
    local minor patch
    IFS=. read -r _ minor patch <<<"$1"
    case $minor in
        4) ((${patch%%[!0-9]*} < 31)) ;;
        5) ((${patch%%[!0-9]*} < 13)) ;;
        *) ((minor < 4)) ;;
    esac
}

# These releases offer watches that begin with a list whatever etcd is, and then fail them.
# Further gates of the options are added to this one.
if ((minor >= 32 && minor <= 35)); then
    # A line each: endpoint, id, version.
    while IFS=', ' read -r _ _ of_member _; do
        if lacks_progress "$of_member"; then
            say "etcd $of_member is old: the API server offers no watches that begin with a list"
            further+=(--feature-gates=WatchList=false)
            break
        fi
    done < <(bay_etcdctl endpoint status --cluster)
fi

# Namespaces of add-ons have pods that a standard would refuse.
standard=${MAGNUM_POD_SECURITY:-}
if [ "$standard" ] && ((minor >= 25)); then
    configured admission-control-config-file admission.yaml <<YAML
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: $standard, warn: $standard}
    exemptions:
      namespaces: [kube-system, calico-system, ingress-nginx, monitoring, tigera-operator, traefik]
YAML
fi

# The options of the labels are words: no quotes.
read -ra options <<<"$MAGNUM_KUBEAPI_OPTIONS"
api_server=(
    "$(command -v kube-apiserver)"
    --advertise-address="$MAGNUM_NODE_ADDRESS"
    --allow-privileged=true
    --anonymous-auth=false
    --authorization-mode='Node,RBAC'
    --enable-admission-plugins="$MAGNUM_ADMISSION_PLUGINS"
    --client-ca-file="$certificates/ca.pem"
    --etcd-servers="$etcd_servers"
    --etcd-cafile="$certificates/ca.pem"
    --etcd-certfile="$certificates/etcd.pem"
    --etcd-keyfile="$certificates/etcd.key"
    --kubelet-certificate-authority="$certificates/ca.pem"
    --kubelet-client-certificate="$certificates/kubelet-client.pem"
    --kubelet-client-key="$certificates/kubelet-client.key"
    --kubelet-preferred-address-types='InternalIP,Hostname'
    --profiling=false
    --proxy-client-cert-file="$certificates/front-proxy.pem"
    --proxy-client-key-file="$certificates/front-proxy.key"
    --requestheader-allowed-names=magnum:front-proxy
    --requestheader-client-ca-file="$certificates/ca.pem"
    --requestheader-extra-headers-prefix=X-Remote-Extra-
    --requestheader-group-headers=X-Remote-Group
    --requestheader-username-headers=X-Remote-User
    --secure-port=6443
    --service-account-issuer=https://kubernetes.default.svc.cluster.local
    --service-account-key-file="$certificates/service-account.pub"
    --service-account-signing-key-file="$certificates/service-account.key"
    --service-cluster-ip-range="$MAGNUM_SERVICE_CIDR"
    --tls-cert-file="$certificates/server.pem"
    --tls-cipher-suites="$ciphers"
    --tls-private-key-file="$certificates/server.key"
    "${further[@]}"
    "${options[@]}"
)

# It says when it serves. When it stops it answers requests that it has begun, and
# waits a minute for watches, which clients begin anew by themselves. Certificates
# it reads anew within a minute: it is reloaded when it shows the one that there is.
write_api_server() {
    write_unit "$1" "$2" "${api_server[@]}"
    mkdir -p "/etc/systemd/system/$1.service.d"
    cat >"/etc/systemd/system/$1.service.d/magnum.conf" <<'UNIT'
[Service]
Type=notify
TimeoutStartSec=600
TimeoutStopSec=5
ExecReload=/bin/bash -c '. /opt/magnum/lib.sh && . /opt/magnum/kubernetes.sh && \
    wait_until 150 shows_its_certificate'
UNIT
}

# Nobody else answers while the only master's is restarted: trust.sh has another one
# serve meanwhile, on the same port, which releases before 1.20 could not share.
stand_in=kube-apiserver-stand-in
if [ "$MAGNUM_MASTER_ADDRESSES" = "$MAGNUM_NODE_ADDRESS" ] && ((minor >= 20)); then
    api_server+=(--permit-port-sharing=true)
    write_api_server "$stand_in" "Kubernetes API server, for the other's restart"
else
    # It was the only master.
    rm -rf "/etc/systemd/system/$stand_in.service" "/etc/systemd/system/$stand_in.service.d"
fi
write_api_server kube-apiserver "Kubernetes API server"

read -ra options <<<"$MAGNUM_KUBECONTROLLER_OPTIONS"
write_unit kube-controller-manager "Kubernetes controller manager" \
    "$(command -v kube-controller-manager)" \
    --allocate-node-cidrs=true \
    --authentication-kubeconfig=/etc/kubernetes/controller-manager.conf \
    --authorization-kubeconfig=/etc/kubernetes/controller-manager.conf \
    --bind-address=127.0.0.1 \
    --cluster-cidr="$MAGNUM_POD_CIDR" \
    --kubeconfig=/etc/kubernetes/controller-manager.conf \
    --node-cidr-mask-size="$MAGNUM_POD_CIDR_NODE_BITS" \
    --profiling=false \
    --root-ca-file="$certificates/ca.pem" \
    --service-account-private-key-file="$certificates/service-account.key" \
    --service-cluster-ip-range="$MAGNUM_SERVICE_CIDR" \
    --use-service-account-credentials=true \
    "${options[@]}"

read -ra options <<<"$MAGNUM_KUBESCHEDULER_OPTIONS"
write_unit kube-scheduler "Kubernetes scheduler" \
    "$(command -v kube-scheduler)" \
    --authentication-kubeconfig=/etc/kubernetes/scheduler.conf \
    --authorization-kubeconfig=/etc/kubernetes/scheduler.conf \
    --bind-address=127.0.0.1 \
    --kubeconfig=/etc/kubernetes/scheduler.conf \
    --profiling=false \
    "${options[@]}"

# The API server may end before etcd answers it, and is then started again.
start_service kube-apiserver || say "the API server does not serve yet"
start_service kube-controller-manager kube-scheduler
# What it trusts etcd and kubelets by, it reads when it starts.
uses_authorities kube-apiserver
uses_certificates kube-apiserver
uses_keys kube-apiserver
# Clients of Kubernetes read their certificate for every connection.
uses_authorities kube-controller-manager kube-scheduler
api_ready() {
    kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw=/readyz >/dev/null
}
if ! wait_until "${MAGNUM_API_SECONDS:-600}" api_ready 2>/dev/null; then
    why_not kube-apiserver || true
    exit 1
fi

# Kubernetes has no plain HTTP any more; who asks for it gets this door.
if [ "$MAGNUM_TLS_DISABLED" = true ]; then
    write_unit magnum-open-api "Kubernetes API without TLS" \
        "$(command -v kubectl)" proxy --kubeconfig=/etc/kubernetes/admin.conf \
        --address=0.0.0.0 --port=8080 --accept-hosts='.*' --reject-paths='^$'
    start_service magnum-open-api
    uses_authorities magnum-open-api
fi
