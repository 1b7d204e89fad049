#!/bin/bash
# Keep containers from the metadata service, which shows the node's user data
# to whoever asks: before there are any, and at every boot before they start.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

# Required by the engines, so that none runs without it.
cat >/etc/systemd/system/magnum-metadata.service <<'UNIT'
[Unit]
Description=Keeps containers from the cloud's metadata service
After=nftables.service netfilter-persistent.service
Before=docker.service containerd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/opt/magnum/metadata.sh close
[Install]
WantedBy=multi-user.target
RequiredBy=docker.service containerd.service
UNIT
systemctl daemon-reload
systemctl enable magnum-metadata
# Not restarted: that would restart engines.
systemctl start magnum-metadata

if [ "$MAGNUM_CONTAINER_METADATA" = true ]; then
    cat >/etc/systemd/system/magnum-metadata-open.service <<'UNIT'
[Unit]
Description=Lets containers reach the metadata service when the node's token is dead
Wants=network-online.target
After=network-online.target magnum-metadata.service
[Service]
ExecStart=/opt/magnum/metadata.sh open
Restart=on-failure
RestartSec=300
[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable magnum-metadata-open
    systemctl --no-block start magnum-metadata-open
fi
