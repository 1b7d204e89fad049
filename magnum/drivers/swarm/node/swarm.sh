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

# all_members: of each node its id, state, availability and name. Engines say the name in
# a label, as hosts may be called by a part of it; one that has no label has a host that is
# called so.
all_members() {
    local id state availability host label ids rows
    local form='{{.ID}} {{.Status.State}} {{.Spec.Availability}} {{.Description.Hostname}} '
    form+='{{with .Description.Engine.Labels}}{{index . "magnum.node"}}{{end}}'
    ids=$(docker node ls --quiet) || return
    # shellcheck disable=SC2086 # ids are words
    rows=$(docker node inspect --format "$form" $ids) || return
    while read -r id state availability host label; do
        echo "$id $state $availability ${label:-$host}"
    done < <(printf '%s\n' "$rows")
}

# members NAME: ids of the nodes of that name; a renewed node has that of the one
# before it.
members() {
    local id name rows
    rows=$(all_members) || return
    while read -r id _ _ name; do
        if [ "$name" = "$1" ]; then
            echo "$id"
        fi
    done < <(printf '%s\n' "$rows")
}

# lost_members: names of nodes that are down and are to have tasks: operations drain nodes
# before they take them away. One in whose place there is another by now is none.
lost_members() {
    local state availability name rows
    local -A down=() there=()
    rows=$(all_members) || return
    while read -r _ state availability name; do
        case $state in
            down) [ "$availability" = drain ] || down[$name]=yes ;;
            *) there[$name]=yes ;;
        esac
    done < <(printf '%s\n' "$rows")
    for name in "${!down[@]}"; do
        [ "${there[$name]:-}" ] || echo "$name"
    done | sort
}
