#!/bin/bash
# Docker, from the distribution or found in the guest.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

need_command dockerd docker.io
# From Debian 13 on the client is a package of its own.
need_command docker docker-cli docker.io

mkdir -p /etc/docker
# Managers of a swarm know the node by its label. With TLS another program stands before
# the socket.
python3 - >/etc/docker/daemon.json <<'PYTHON'
import json
import os
import sys
environ = os.environ
config = {
    'storage-driver': environ['MAGNUM_STORAGE_DRIVER'],
    'insecure-registries': environ['MAGNUM_INSECURE_REGISTRIES'].split(),
    'labels': ['magnum.node=' + environ['MAGNUM_NODE_NAME']],
    'log-driver': 'json-file',
    'log-opts': {'max-size': '50m', 'max-file': '3'},
}
port = environ.get('MAGNUM_DOCKER_PORT')
if port and environ['MAGNUM_TLS_DISABLED'] == 'true':
    config.update(hosts=['unix:///run/docker.sock', 'tcp://0.0.0.0:' + port], tls=False)
json.dump(config, sys.stdout, indent=2)
PYTHON

# The distribution's unit says "-H fd://", which dockerd refuses beside "hosts".
mkdir -p /etc/systemd/system/docker.service.d
cat >/etc/systemd/system/docker.service.d/magnum.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock
UNIT
if ! [ -x /usr/sbin/dockerd ]; then
    sed -i "s,/usr/sbin/dockerd,$(command -v dockerd)," \
        /etc/systemd/system/docker.service.d/magnum.conf
fi
proxy_drop_in docker

start_service docker
wait_until 120 docker info >/dev/null
