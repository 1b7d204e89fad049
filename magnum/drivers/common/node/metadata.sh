#!/bin/bash
# metadata.sh close: what the node forwards, as for containers, does not reach
# the cloud's metadata service; what the node itself sends does.
# metadata.sh open: undo that for good when the bootstrap token, which is in the
# user data, opens nothing any more. Fails until then.
# roles: master worker
set -euo pipefail
# shellcheck source=lib.sh
. /opt/magnum/lib.sh

# rule PROGRAM ADDRESS VERB: -C, -A or -D. What one table drops no other lets
# pass. It looks after addresses were translated, so that no service of the bay
# stands for this address.
rule() {
    "$1" --wait -t mangle "$3" FORWARD -d "$2" -j DROP
}

# each_rule FUNCTION: of programs and addresses.
each_rule() {
    "$1" iptables 169.254.169.254
    # Absent where the kernel was told to have no IPv6.
    if [ -e /proc/net/if_inet6 ]; then
        "$1" ip6tables fe80::a9fe:a9fe
    fi
}

add() {
    rule "$@" -C 2>/dev/null || rule "$@" -A
}

remove() {
    while rule "$@" -D 2>/dev/null; do
        :
    done
}

# token_is_dead: it is, or the bay is gone.
token_is_dead() {
    local header code
    header=$(mktemp)
    printf 'X-Bootstrap-Token: %s\n' "$MAGNUM_BOOTSTRAP_TOKEN" >"$header"
    code=$(magnum-curl --output /dev/null --write-out '%{http_code}' -X POST \
        -H "@$header" "$MAGNUM_BOOTSTRAP_URL/$MAGNUM_BAY_UUID/ca") || true
    rm -f "$header"
    case $code in
        401 | 403 | 404 | 410) return 0 ;;
        *) say "the service answered $code" && return 1 ;;
    esac
}

case $1 in
    close) each_rule add ;;
    open)
        load_environment
        token_is_dead
        systemctl disable magnum-metadata magnum-metadata-open
        each_rule remove
        ;;
esac
