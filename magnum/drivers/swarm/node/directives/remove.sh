#!/bin/bash
# Take nodes that are gone out of the swarm.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../swarm.sh
. /opt/magnum/swarm.sh

insist docker node ls --quiet
failed=0
for name in $MAGNUM_NODES; do
    for id in $(members "$name"); do
        if [ "$(docker node inspect --format '{{.Spec.Role}}' "$id")" = manager ]; then
            insist docker node demote "$id" || { failed=1; continue; }
        fi
        # A manager stays until the others agree that it is none.
        insist docker node rm --force "$id" || failed=1
    done
done
exit "$failed"
