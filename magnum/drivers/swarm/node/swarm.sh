# Shared by the scripts of swarms; sourced, never run.
# roles: master worker
# shellcheck shell=bash disable=SC2154

# swarm_state: what this engine is in a swarm: active, inactive, pending, error.
swarm_state() {
    docker info --format '{{.Swarm.LocalNodeState}}'
}

# insist COMMAND...: try it for a minute, and tell what it said last. Managers refuse while
# they elect a leader, and until they have heard of each other again.
insist() {
    local told status=0
    # No file: the disk may be full.
    { told=$(wait_until "${MAGNUM_SWARM_SECONDS:-60}" "$@" 2>&1 >&3) || status=1; } 3>&1
    if ((status)); then
        echo "${told##*$'\n'}" >&2
    fi
    return "$status"
}

# members NAME: ids of the nodes of that name; a renewed node has that of the one
# before it. Engines say it in a label, as hosts may be called by a part of it; one
# that has no label has a host that is called so.
members() {
    local id host label ids rows form='{{.ID}} {{.Description.Hostname}} '
    form+='{{with .Description.Engine.Labels}}{{index . "magnum.node"}}{{end}}'
    ids=$(docker node ls --quiet) || return
    # shellcheck disable=SC2086 # ids are words
    rows=$(docker node inspect --format "$form" $ids) || return
    while read -r id host label; do
        if [ "${label:-$host}" = "$1" ]; then
            echo "$id"
        fi
    done <<<"$rows"
}
