#!/bin/bash
# Start the service by which managers take other nodes into the swarm.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ "$MAGNUM_TLS_DISABLED" = true ]; then
    exit 0
fi

cat >/etc/systemd/system/magnum-swarm-join.service <<'UNIT'
[Unit]
Description=Takes nodes that prove to be of this bay into its swarm
After=docker.service

[Service]
EnvironmentFile=/etc/magnum/node.env
ExecStart=/usr/bin/python3 /opt/magnum/join_service.py
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
start_service magnum-swarm-join
uses_certificates magnum-swarm-join
