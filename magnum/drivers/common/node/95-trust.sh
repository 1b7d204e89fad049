#!/bin/bash
# From now on the node asks by itself which authorities its bay trusts. All of
# a bay must not restart their services at the same moment.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ -z "$MAGNUM_CERTIFICATES" ]; then
    exit 0
fi

cp "$certificates/ca.pem" "$certificates/trusted.pem"
cat >/etc/systemd/system/magnum-trust.service <<'UNIT'
[Unit]
Description=Makes the node trust the authorities that its bay trusts
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/opt/magnum/trust.sh
UNIT
cat >/etc/systemd/system/magnum-trust.timer <<UNIT
[Unit]
Description=Asks which authorities the bay trusts
[Timer]
OnActiveSec=$MAGNUM_TRUST_SECONDS
OnUnitActiveSec=$MAGNUM_TRUST_SECONDS
RandomizedDelaySec=$((MAGNUM_TRUST_SECONDS / 4))
AccuracySec=1
[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable magnum-trust.timer
systemctl restart magnum-trust.timer
remember "$services" magnum-trust.timer
