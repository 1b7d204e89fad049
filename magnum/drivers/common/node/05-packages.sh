#!/bin/bash
# Finish the packages that a boot which was cut short left half installed: before, apt
# installs no others.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

export DEBIAN_FRONTEND=noninteractive
# Others install packages at the same time.
if [ -n "$(dpkg --audit 2>/dev/null || true)" ]; then
    wait_until 300 dpkg --force-confdef --force-confold --configure -a ||
        say "whatever needs a package may fail"
fi
