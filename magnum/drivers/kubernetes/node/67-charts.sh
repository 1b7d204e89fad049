#!/bin/bash
# The bay's add-ons: masters keep the charts installed that they are told of. Nothing
# of this can fail a boot: how it goes is a condition of the bay.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

cat >/etc/systemd/system/magnum-addons.service <<'UNIT'
[Unit]
Description=Keeps the add-ons of a Magnum bay installed
After=kube-apiserver.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c '. /opt/magnum/lib.sh && load_environment && \
    exec python3 /opt/magnum/charts.py'
UNIT
cat >/etc/systemd/system/magnum-addons.timer <<'UNIT'
[Unit]
Description=Looks at the add-ons of a Magnum bay
[Timer]
OnActiveSec=5
OnUnitInactiveSec=60
[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable magnum-addons.timer
systemctl restart magnum-addons.timer

# The autoscaler asks this node for tokens of the cloud.
if [ "${MAGNUM_AUTO_SCALING:-}" = true ]; then
    write_unit magnum-tokens "Tokens of the cloud for the cluster autoscaler" \
        /usr/bin/env PYTHONPATH=/opt/magnum /usr/bin/python3 -m agent.tokens
    start_service magnum-tokens
fi
