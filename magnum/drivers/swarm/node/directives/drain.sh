#!/bin/bash
# Let the tasks of nodes run elsewhere: they get no new ones, and it is waited until
# none runs there. A node that is not in the swarm, or down, has none.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../swarm.sh
. /opt/magnum/swarm.sh

ids=()
for name in $MAGNUM_NODES; do
    found=$(insist members "$name")
    for id in $found; do
        insist docker node update --availability drain "$id" >/dev/null
        say "$name ($id) gets no tasks any more"
        ids+=("$id")
    done
done

# left: tasks that still run; fails where managers do not say. On a node that is down none runs.
left() {
    local id state tasks
    for id in ${ids[@]+"${ids[@]}"}; do
        state=$(docker node inspect --format '{{.Status.State}}' "$id") || return
        if [ "$state" != down ]; then
            tasks=$(docker node ps --format '{{.Node}}: {{.Name}} {{.CurrentState}}' "$id") ||
                return
            grep -E ' (Assigned|Accepted|Preparing|Ready|Starting|Running) ' <<<"$tasks" || true
        fi
    done
}

none_left() {
    local tasks
    tasks=$(left) && [ -z "$tasks" ]
}

if ! wait_until "$MAGNUM_SECONDS" none_left; then
    left
    exit 1
fi
say "no task runs on: $MAGNUM_NODES"
