# Shared by the steps; sourced, never run.
# shellcheck shell=bash

certificates=/etc/magnum/certificates
certificate_users=/etc/magnum/certificate-users

# load_environment: what run.sh and trust.sh have, and all that they run.
load_environment() {
    set -a
    # shellcheck source=/dev/null
    . /etc/magnum/node.env
    set +a
    if [ -n "$MAGNUM_HTTP_PROXY$MAGNUM_HTTPS_PROXY" ]; then
        export http_proxy=$MAGNUM_HTTP_PROXY https_proxy=$MAGNUM_HTTPS_PROXY
        export no_proxy=$MAGNUM_NO_PROXY
    fi
    # Neither cloud-init nor systemd give both.
    export HOME=/root
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

say() {
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$*"
}

# wait_until SECONDS COMMAND...: try the command every 2 seconds.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        if ((SECONDS >= deadline)); then
            say "gave up waiting for: $*"
            return 1
        fi
        sleep 2
    done
}

# need_command COMMAND PACKAGE...: install the packages unless the guest has
# the command already (a prepared image needs no package mirror).
need_command() {
    local command=$1
    shift
    if command -v "$command" >/dev/null; then
        return 0
    fi
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends -y "$@"
}

# proxy_drop_in UNIT: make a systemd service use the bay's proxies.
proxy_drop_in() {
    if [ -z "$MAGNUM_HTTP_PROXY$MAGNUM_HTTPS_PROXY" ]; then
        return 0
    fi
    mkdir -p "/etc/systemd/system/$1.service.d"
    cat >"/etc/systemd/system/$1.service.d/magnum-proxy.conf" <<UNIT
[Service]
Environment="HTTP_PROXY=$MAGNUM_HTTP_PROXY"
Environment="HTTPS_PROXY=$MAGNUM_HTTPS_PROXY"
Environment="NO_PROXY=$MAGNUM_NO_PROXY"
UNIT
}

# write_unit NAME DESCRIPTION PROGRAM ARGUMENT...: a systemd service that is
# always restarted.
write_unit() {
    local name=$1 description=$2 argument
    shift 2
    {
        printf '[Unit]\nDescription=%s\n' "$description"
        printf 'Wants=network-online.target\nAfter=network-online.target\n\n'
        printf '[Service]\nRestart=always\nRestartSec=5\nExecStart='
        for argument; do
            # systemd expands "$" and "%" and splits at spaces.
            argument=${argument//\$/\$\$}
            printf '"%s" \\\n    ' "${argument//%/%%}"
        done
        printf '\n\n[Install]\nWantedBy=multi-user.target\n'
    } >"/etc/systemd/system/$name.service"
}

# start_service NAME...: now, with its new settings, and at every boot.
start_service() {
    systemctl daemon-reload
    systemctl enable "$@"
    systemctl restart "$@"
}

# uses_certificates NAME...: services that trust.sh restarts when the node's
# certificates are others, in the order in which they say so.
uses_certificates() {
    local name
    for name; do
        if ! grep -qsxF "$name" "$certificate_users"; then
            echo "$name" >>"$certificate_users"
        fi
    done
}

# stop_foreign_service NAME: one that is not this bay's, if the guest has it.
stop_foreign_service() {
    if systemctl cat "$1" >/dev/null 2>&1; then
        systemctl disable --now "$1"
    fi
}

# alternative_names PURPOSE: those that the certificate should have.
alternative_names() {
    local extra=MAGNUM_CERTIFICATE_NAMES_${1//-/_} name address addresses
    printf 'DNS:%s,DNS:localhost,IP:127.0.0.1' "$MAGNUM_NODE_NAME"
    for name in ${!extra:-}; do
        printf ',DNS:%s' "$name"
    done
    addresses="$MAGNUM_NODE_ADDRESS $MAGNUM_NODE_PUBLIC_ADDRESS"
    addresses="$addresses $MAGNUM_API_ADDRESS $MAGNUM_API_PUBLIC_ADDRESS"
    addresses="$addresses ${MAGNUM_SERVICE_ADDRESS:-}"
    for address in $addresses; do
        printf ',IP:%s' "$address"
    done
}

# post_request PURPOSE PATH CURL-ARGUMENTS...: send the service a signing
# request, made with the key of that purpose.
post_request() {
    local purpose=$1 url=$MAGNUM_BOOTSTRAP_URL/$MAGNUM_BAY_UUID/$2 request
    shift 2
    request=$(openssl req -new -key "$certificates/$purpose.key" \
        -subj "/CN=$MAGNUM_NODE_NAME" \
        -addext "subjectAltName=$(alternative_names "$purpose")") || return
    magnum-curl -X POST -H 'Content-Type: application/x-pem-file' \
        --data-binary "$request" "$@" "$url"
}
