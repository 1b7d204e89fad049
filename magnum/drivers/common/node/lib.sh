# Shared by the steps; sourced, never run.
# roles: master worker
# shellcheck shell=bash

# shellcheck disable=SC2034 # for the steps
certificates=/etc/magnum/certificates
certificate_users=/etc/magnum/certificate-users
# Units that have to be active, as the agent reports.
services=/etc/magnum/services
# Exit status of a step that fails the same way however often it is tried.
hopeless=86

# What the node took over since it was made. cloud-init writes node.env anew when it runs again.
taken_over=/etc/magnum/taken-over.env

# load_environment: what run.sh and trust.sh have, and all that they run.
load_environment() {
    set -a
    # shellcheck source=/dev/null
    . /etc/magnum/node.env
    if [ -e "$taken_over" ]; then
        # shellcheck source=/dev/null
        . "$taken_over"
    fi
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

# agent ARGUMENT...: what the node and the service say to each other, in agent/.
agent() {
    (cd /opt/magnum && python3 -m agent "$@")
}

# condition NAME REASON COMMAND...: a line for the agent, False for that reason when
# the command fails twice, as what restarts is away for a moment.
condition() {
    local name=$1 reason=$2
    local said
    shift 2
    if "$@" >/dev/null 2>&1 || { sleep 5 && said=$("$@" 2>&1); }; then
        echo "condition $name True Working"
    else
        echo "condition $name False $reason ${said//$'\n'/ }"
    fi
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

# need_command COMMAND PACKAGE...: install, unless the guest has the command
# already (a prepared image needs no package mirror), the first of the packages
# that the distribution has: releases call them differently.
need_command() {
    local command=$1 package
    shift
    if command -v "$command" >/dev/null; then
        return 0
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    for package; do
        if apt_has "$package"; then
            say "installing $package"
            apt-get -qq -o DPkg::Lock::Timeout=300 install \
                --no-install-recommends -y "$package"
            command -v "$command" >/dev/null && return 0
        fi
    done
    say "no $command in the guest, nor in its distribution's packages: $*"
    return 1
}

# apt_has PACKAGE: can it be installed?
apt_has() {
    local policy
    policy=$(LC_ALL=C apt-cache policy "$1")
    [[ $policy == *'Candidate: '* && $policy != *'Candidate: (none)'* ]]
}

# quoted TEXT: one double-quoted word as systemd's unit files have it, where "%"
# begins a specifier.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//%/%%}"
}

# proxy_drop_in UNIT: make a systemd service use the bay's proxies.
proxy_drop_in() {
    if [ -z "$MAGNUM_HTTP_PROXY$MAGNUM_HTTPS_PROXY" ]; then
        return 0
    fi
    mkdir -p "/etc/systemd/system/$1.service.d"
    cat >"/etc/systemd/system/$1.service.d/magnum-proxy.conf" <<UNIT
[Service]
Environment=$(quoted "HTTP_PROXY=$MAGNUM_HTTP_PROXY")
Environment=$(quoted "HTTPS_PROXY=$MAGNUM_HTTPS_PROXY")
Environment=$(quoted "NO_PROXY=$MAGNUM_NO_PROXY")
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
            # In command lines systemd expands variables, too.
            quoted "${argument//\$/\$\$}"
            printf ' \\\n    '
        done
        printf '\n\n[Install]\nWantedBy=multi-user.target\n'
    } >"/etc/systemd/system/$name.service"
}

# remember FILE NAME...: in a file of names, each once.
remember() {
    local file=$1 name
    shift
    for name; do
        if ! grep -qsxF "$name" "$file"; then
            echo "$name" >>"$file"
        fi
    done
}

# start_service NAME...: now, with its new settings, and at every boot.
start_service() {
    remember "$services" "$@"
    systemctl daemon-reload
    systemctl enable "$@"
    systemctl restart "$@"
}

# end_service NAME: one that the node may have from former settings.
end_service() {
    if [ -e "/etc/systemd/system/$1.service" ]; then
        systemctl disable --now "$1"
        rm "/etc/systemd/system/$1.service"
        sed -i "/^$1\$/d" "$services"
    fi
}

# uses_certificates NAME...: services that trust.sh reloads, or restarts where
# they cannot reload, when the node's certificates or the bay's authorities are
# others, in the order in which they say so.
uses_certificates() {
    remember "$certificate_users" "${@/%/ certificates}"
}

# uses_authorities NAME...: services that trust.sh restarts when the bay trusts
# other authorities, because they read those when they start. Certificates they
# read by themselves, or say that they use them, too.
uses_authorities() {
    remember "$certificate_users" "${@/%/ authorities}"
}

# uses_keys NAME...: services that trust.sh restarts when masters encrypt with others.
uses_keys() {
    remember "$certificate_users" "${@/%/ keys}"
}

# stop_foreign_service NAME: one that is not this bay's, if the guest has it.
stop_foreign_service() {
    if systemctl cat "$1" >/dev/null 2>&1; then
        systemctl disable --now "$1"
    fi
}

# is_first: this node begins the cluster; all others come to it.
is_first() {
    [ "$MAGNUM_NODE_ROLE" = master ] && [ "${MAGNUM_NODE_INDEX:-}" = 0 ] &&
        [ "${MAGNUM_NODE_REVISION:-0}" = 0 ]
}

# place_of_node: its subnet, of the first node: a bay that is there may do with a range that
# overlaps with it. Of others, and where the kernel has no route to neighbours, its address.
place_of_node() {
    if ! is_first; then
        echo "$MAGNUM_NODE_ADDRESS"
        return
    fi
    python3 - "$MAGNUM_NODE_ADDRESS" <<'PYTHON'
import contextlib
import ipaddress
import sys

def address(word):
    return ipaddress.IPv4Address(int(word, 16).to_bytes(4, sys.byteorder))

own = place = ipaddress.IPv4Address(sys.argv[1])
with contextlib.suppress(OSError), open('/proc/net/route') as routes:
    next(routes, None)
    for route in routes:
        _, target, gateway, _, _, _, _, mask, *_ = route.split()
        network = ipaddress.IPv4Network(f'{address(target)}/{address(mask)}')
        if network.prefixlen and not int(gateway, 16) and own in network:
            place = network
print(place)
PYTHON
}

# overlap CIDR CIDR: whether there are addresses in both.
overlap() {
    python3 -c "import ipaddress, sys
one, other = map(ipaddress.ip_network, sys.argv[1:])
sys.exit(not one.overlaps(other))" "$1" "$2"
}
