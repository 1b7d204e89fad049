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

# api_get SECONDS PATH CURL-ARGUMENT...: asks the API server, as the kubelet does.
api_get() {
    curl --silent --show-error --fail --max-time "$1" --noproxy '*' \
        --cacert "$certificates/ca.pem" --cert "$certificates/kubelet.pem" \
        --key "$certificates/kubelet.key" "${@:3}" "$(api_url)$2"
}

# own_node SECONDS: this node as the API server has it.
own_node() {
    api_get "$1" "/api/v1/nodes/$MAGNUM_NODE_NAME"
}

# is_missing SECONDS: does the API server say that it has no node of this name?
is_missing() {
    local code
    code=$(api_get "$1" "/api/v1/nodes/$MAGNUM_NODE_NAME" --output /dev/null \
        --write-out '%{http_code}' 2>/dev/null) || true
    [ "$code" = 404 ]
}

# is_ready: whether a node on standard input is, and why.
is_ready() {
    python3 -c "
import json, sys
conditions = json.load(sys.stdin)['status']['conditions']
ready = [c for c in conditions if c['type'] == 'Ready']
print(ready[0]['message'])
sys.exit(ready[0]['status'] != 'True')"
}

# Of TLS 1.2, which is the oldest that programs take, for keys of nodes; HTTP/2 requires it of
# all. Of 1.3 all are good.
ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
# Empty in a bay whose masters do not encrypt.
encryption_key=/etc/magnum/encryption-key

# encryption_keys: a name and a key a line, the one that writes first. The one that stands
# alone in the file is that of a bay which never got another.
encryption_keys() {
    local name key
    while read -r name key || [ "$name" ]; do
        if [ "$key" ]; then
            echo "$name $key"
        elif [ "$name" ]; then
            echo "bay $name"
        fi
    done <"$encryption_key"
}

# encryption_configuration: of the API server, by these keys.
encryption_configuration() {
    local name key keys=()
    while read -r name key; do
        keys+=("{name: $name, secret: \"$key\"}")
    done < <(encryption_keys)
    cat <<YAML
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {keys: [$(IFS=, && echo "${keys[*]}")]}
  - identity: {}
YAML
}

# encrypted KEY [-d]: standard input to output, "-d": decrypted; as it is without a key.
encrypted() {
    if [ "$1" ]; then
        key=$1 openssl enc -aes-256-cbc -pbkdf2 -pass env:key "${@:2}"
    else
        cat
    fi
}

# Where etcd keeps the key of service accounts, encrypted.
service_account_key=/magnum/service-account-key

# read_service_account_key FILE: write it, by whichever key of the bay it is encrypted;
# set written_by to that one.
read_service_account_key() {
    local name kept
    kept=$(bay_etcdctl get --print-value-only "$service_account_key")
    while read -r name written_by; do
        # Of a wrong key one in 256 seems right: what it gives is no key.
        if base64 --decode <<<"$kept" | encrypted "$written_by" -d >"$1" 2>/dev/null &&
            openssl ec -in "$1" -noout >/dev/null 2>&1; then
            return 0
        fi
    done < <(encryption_keys && if ! [ -s "$encryption_key" ]; then echo none; fi)
    rm -f "$1"
    say "the key of service accounts is encrypted by none of this master's keys"
    return 1
}

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

# etcd_becomes_well ENDPOINTS: waits while a member catches up, another one takes the lead
# over, or hosts are busy; of this master where none are given.
etcd_becomes_well() {
    endpoints=$1 wait_until "${MAGNUM_ETCD_SECONDS:-60}" bay_etcdctl endpoint health
}

# snapshot: of what etcd has, should nothing else help; $kept says what became of it.
snapshot() {
    local folder=/var/lib/magnum/etcd-snapshots file files said yesterday oldest
    # A volume outlives the master's server.
    [ -z "${MAGNUM_ETCD_VOLUME_ID:-}" ] || folder=/var/lib/magnum-etcd/snapshots
    file=$folder/$(date -u +%Y%m%dT%H%M%SZ)-$MAGNUM_KUBE_VERSION.db
    umask 077
    # One that was killed has left half of it.
    if ! said=$({ mkdir -p "$folder" && rm -f "$folder"/*.part &&
        bay_etcdctl snapshot save "$file"; } 2>&1); then
        kept="etcd cannot be kept: ${said//$'\n'/ }"
        say "$kept"
        return 1
    fi
    kept="what etcd has is kept in $file"
    say "$kept"
    # The first of a day stays: those that follow may be of retries, after something broke.
    yesterday=$folder/$(date -u -d '1 day ago' +%Y%m%dT%H%M%SZ)
    files=("$folder"/*.db)
    while ((${#files[@]} > 3)); do
        oldest=0
        [[ ${files[0]} < $yesterday ]] || oldest=1
        rm -f "${files[oldest]}"
        unset "files[oldest]"
        files=("${files[@]}")
    done
}

# snapshot_before URL...: before members of etcd leave, or are made anew. Without a snapshot
# none goes that is there; for a lost one a full disk is no reason to stay lost, as the others
# bear no further loss.
snapshot_before() {
    local url MAGNUM_ETCD_SECONDS=${MAGNUM_ETCD_SECONDS:-10}
    if snapshot; then
        return 0
    fi
    for url; do
        # One that never came up has no URL.
        if [ -z "$url" ] || ! etcd_becomes_well "$url"; then
            say "it goes all the same: it is lost"
            return 0
        fi
    done
    say "none goes without that"
    return 1
}

# forget_nodes NAME...: delete their objects, and those of what ran there.
forget_nodes() {
    local name
    kubectl delete node --ignore-not-found --timeout=60s "$@" || return 1
    for name; do
        kubectl delete pods --all-namespaces --field-selector "spec.nodeName=$name" \
            --grace-period=0 --force --wait=false || return 1
    done
}

# merge_settings FILE: write what was taken over with what is told, and say whether that is
# something new for the node.
merge_settings() {
    python3 -c "import os, shlex, sys
def read(text):
    return dict(word.split('=', 1) for word in shlex.split(text, comments=True))
made_with, before = (
    read(open(name).read()) if os.path.exists(name) else {} for name in sys.argv[1:3]
)
after = {**before, **read(os.environ['MAGNUM_SETTINGS'])}
with open(sys.argv[3], 'w') as file:
    file.writelines(f'{name}={shlex.quote(value)}\n' for name, value in after.items())
same = {**made_with, **after} == {**made_with, **before}
print('same' if same else 'others')" /etc/magnum/node.env "$taken_over" "$1"
}

# why_not UNIT: what a program last said of its end.
why_not() {
    journalctl --quiet --no-pager --output=cat --lines=500 --unit="$1" |
        grep -e '^Error' -e '^[EF][0-9][0-9][0-9][0-9] ' | tail -n 3 | cut -c 1-300
}

# last UNIT...: do these run for longer than systemd waits before it starts one again?
last() {
    local states
    states=$(systemctl show --property=ActiveState,NRestarts "$@")
    sleep 6
    [[ ! $states =~ ActiveState=(activating|deactivating|failed|inactive) ]] &&
        [ "$states" = "$(systemctl show --property=ActiveState,NRestarts "$@")" ]
}

# services_last UNIT...: waits until they do; otherwise says which does not, and why. A program
# ends at once by an option that it does not know, and what waits for it would be blamed.
services_last() {
    local unit
    if wait_until "${MAGNUM_SERVICES_SECONDS:-300}" last "$@" 2>/dev/null; then
        return
    fi
    for unit; do
        if ! last "$unit"; then
            say "$unit does not go on:"
            why_not "$unit" || true
        fi
    done
    return 1
}

# shows_its_certificate: does the API server serve with the certificate that there is?
shows_its_certificate() {
    local served
    served=$(openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint 2>/dev/null) || return 1
    [ "$served" = "$(openssl x509 -in "$certificates/server.pem" -noout -fingerprint)" ]
}
