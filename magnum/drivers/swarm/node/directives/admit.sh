#!/bin/bash
# Let nodes that were drained, and stay, have tasks again.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../swarm.sh
. /opt/magnum/swarm.sh

for name in $MAGNUM_NODES; do
    found=$(insist members "$name")
    for id in $found; do
        insist docker node update --availability active "$id" >/dev/null
        say "$name ($id) gets tasks again"
    done
done
