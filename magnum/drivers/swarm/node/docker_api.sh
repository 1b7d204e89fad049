#!/bin/bash
# Put the node's certificate and key into the one file that HAProxy reads.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

umask 077
cat "$certificates/server.pem" "$certificates/server.key" >/run/magnum-docker-api/server.new
mv /run/magnum-docker-api/server.new /run/magnum-docker-api/server.pem
