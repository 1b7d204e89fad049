#!/bin/bash
# The Docker API for others than the node itself: HAProxy with the bay's TLS in
# front of the engine's socket. It takes other certificates without a restart,
# which the engine itself does not: that would end every container of the node.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ "$MAGNUM_TLS_DISABLED" = true ]; then
    exit 0
fi

need_command haproxy haproxy
# The one of the package, which serves nothing here.
stop_foreign_service haproxy

# HAProxy is root to read the key and to bind, then only in the group of the
# engine's socket. A connection with the former certificates ends a minute after
# there are others; one that is idle, as that of "docker events", ends never.
cat >/etc/magnum/docker-api.cfg <<HAPROXY
global
    user haproxy
    group docker
    hard-stop-after 1m
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode tcp
    option clitcpka
    timeout connect 10s
    timeout client 24d
    timeout server 24d

listen docker-api
    bind :$MAGNUM_DOCKER_PORT ssl crt /run/magnum-docker-api/server.pem ca-file $certificates/ca.pem verify required
    server engine unix@/run/docker.sock
HAPROXY

cat >/etc/systemd/system/magnum-docker-api.service <<UNIT
[Unit]
Description=The Docker API, guarded by the TLS of the bay
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=notify
RuntimeDirectory=magnum-docker-api
RuntimeDirectoryMode=0700
Environment=CONFIG=/etc/magnum/docker-api.cfg
ExecStartPre=/opt/magnum/docker_api.sh
ExecStart=$(command -v haproxy) -Ws -f \$CONFIG -p /run/magnum-docker-api/pid
ExecReload=/opt/magnum/docker_api.sh
ExecReload=$(command -v haproxy) -c -q -f \$CONFIG
ExecReload=/bin/kill -USR2 \$MAINPID
KillMode=mixed
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT

start_service magnum-docker-api
uses_certificates magnum-docker-api
