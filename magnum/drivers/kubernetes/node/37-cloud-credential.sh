#!/bin/bash
# The file with which the cloud's controllers use the cloud, where the bay wants them.
# roles: master
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ "$MAGNUM_CLOUD_CREDENTIAL" = true ]; then
    agent cloud
fi
