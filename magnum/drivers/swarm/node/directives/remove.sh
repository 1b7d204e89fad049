#!/bin/bash
# Take nodes that are gone out of the swarm.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../swarm.sh
. /opt/magnum/swarm.sh

failed=0
for name in $MAGNUM_NODES; do
    found=$(insist members "$name")
    for id in $found; do
        role=$(insist docker node inspect --format '{{.Spec.Role}}' "$id")
        if [ "$role" = manager ]; then
            insist docker node demote "$id" || { failed=1; continue; }
        fi
        # A manager stays until the others agree that it is none.
        insist docker node rm --force "$id" || failed=1
    done
done
exit "$failed"
