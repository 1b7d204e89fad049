#!/bin/bash
# Let add-ons use the credential of the cloud that the agent has fetched.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
load_environment

exec python3 /opt/magnum/charts.py cloud
