# Shared by the Kubernetes steps; sourced by lib.sh's users, never run.
# roles: master worker
# shellcheck shell=bash disable=SC2034,SC2154

# api_url: where this node's own programs find the API.
api_url() {
    if [ "$MAGNUM_NODE_ROLE" = master ]; then
        echo https://127.0.0.1:6443
    else
        echo "https://$MAGNUM_API_ADDRESS:6443"
    fi
}

# Of TLS 1.2, which is the oldest that programs take, for keys of nodes; HTTP/2 requires it of
# all. Of 1.3 all are good.
ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
# Empty in a bay whose masters do not encrypt.
encryption_key=/etc/magnum/encryption-key

# write_kubernetes FILE: its standard input, in /etc/kubernetes.
write_kubernetes() {
    install -D -m 0600 /dev/stdin "/etc/kubernetes/$1"
}

# write_kubeconfig PURPOSE URL: /etc/kubernetes/PURPOSE.conf with the
# certificate of that purpose.
write_kubeconfig() {
    write_kubernetes "$1.conf" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: bay
  cluster: {server: "$2", certificate-authority: $certificates/ca.pem}
users:
- name: $1
  user: {client-certificate: $certificates/$1.pem, client-key: $certificates/$1.key}
contexts:
- name: bay
  context: {cluster: bay, user: $1}
current-context: bay
YAML
}

# bay_etcdctl ARGUMENTS: asks this master's member, or those of $endpoints.
bay_etcdctl() {
    # Proxies are not for what is in the bay's own network.
    ETCDCTL_API=3 http_proxy='' https_proxy='' etcdctl --endpoints="${endpoints:-https://127.0.0.1:2379}" \
        --cacert="$certificates/ca.pem" --cert="$certificates/etcd.pem" \
        --key="$certificates/etcd.key" "$@"
}

# shows_its_certificate: does the API server serve with the certificate that there is?
shows_its_certificate() {
    local served
    served=$(openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint 2>/dev/null) || return 1
    [ "$served" = "$(openssl x509 -in "$certificates/server.pem" -noout -fingerprint)" ]
}
