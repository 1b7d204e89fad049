#!/bin/bash
# Register the node's keys and get its certificates. Keys never leave the
# node; the service decides every subject. From then on the agent reports the state
# of the node, so this step comes before those that may fail.
# roles: master worker
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

need_command openssl openssl
need_command update-ca-certificates ca-certificates
agent register

cat >/etc/systemd/system/magnum-agent.service <<'UNIT'
[Unit]
Description=Agent of a Magnum bay's node
Wants=network-online.target
After=network-online.target
[Service]
WorkingDirectory=/opt/magnum
ExecStart=/usr/bin/python3 -m agent report
Restart=on-failure
RestartSec=30
[Install]
WantedBy=multi-user.target
UNIT
start_service magnum-agent
