#!/bin/bash
# Be in the swarm: the first manager makes it unless another one is in it
# already; everybody else asks the managers to be taken in, and so does one that was put
# into the first one's place: it would make a second swarm.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=swarm.sh
. /opt/magnum/swarm.sh

in_swarm() {
    [ "$(swarm_state)" = active ]
}

# Without TLS every engine is open to everybody, and so are its join tokens. Docker's own
# client refuses engines that are much older, and they refuse it when it is.
join_by_open_engine() { # manager
    local role=Worker token
    if [ "$MAGNUM_NODE_ROLE" = master ]; then
        role=Manager
    fi
    # An existing network is not among the proxies' exceptions.
    token=$(curl --silent --show-error --fail-with-body --max-time 90 --noproxy '*' \
        "http://$1:$MAGNUM_DOCKER_PORT/swarm" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["JoinTokens"][sys.argv[1]])' \
            "$role") &&
        docker swarm join --token "$token" \
            --advertise-addr "$MAGNUM_NODE_ADDRESS" "$1:2377"
}

join_by_service() { # manager
    curl --silent --show-error --fail-with-body --max-time 90 \
        --noproxy '*' --cacert "$certificates/ca.pem" -X POST \
        "https://$1:$MAGNUM_JOIN_PORT/join"
}

# ask_managers: every manager but this node, until one takes it in.
ask_managers() {
    local manager
    for manager in $MAGNUM_MASTER_ADDRESSES; do
        if [ "$manager" = "$MAGNUM_NODE_ADDRESS" ]; then
            continue
        fi
        if [ "$MAGNUM_TLS_DISABLED" = true ]; then
            join_by_open_engine "$manager" || true
        else
            join_by_service "$manager" || true
        fi
        if in_swarm; then
            return 0
        fi
    done
    return 1
}

# Of an existing network nobody knew the addresses before.
make_swarm() {
    local place
    place=$(place_of_node)
    if overlap "$place" "$MAGNUM_ADDRESS_POOL"; then
        say "$place, where this node is, overlaps with $MAGNUM_ADDRESS_POOL, the swarm's own" \
            "networks: give others in the label swarm_default_addr_pool"
        exit "$hopeless"
    fi
    docker swarm init --advertise-addr "$MAGNUM_NODE_ADDRESS" \
        --default-addr-pool "$MAGNUM_ADDRESS_POOL" >/dev/null
}

# One that has been in it finds the others by itself, when enough of them are there.
if [ "$(swarm_state)" = pending ]; then
    wait_until 900 in_swarm
fi
if in_swarm; then
    exit 0
fi
if is_first; then
    ask_managers || make_swarm
else
    wait_until 900 ask_managers
fi
wait_until 60 in_swarm
