#!/bin/bash
# Let packages and later steps go through the bay's proxies.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ -z "$MAGNUM_HTTP_PROXY$MAGNUM_HTTPS_PROXY" ]; then
    exit 0
fi

cat >/etc/apt/apt.conf.d/90magnum-proxy <<APT
Acquire::http::Proxy "${MAGNUM_HTTP_PROXY:-DIRECT}";
Acquire::https::Proxy "${MAGNUM_HTTPS_PROXY:-DIRECT}";
APT

remember /etc/environment "http_proxy=$MAGNUM_HTTP_PROXY" "https_proxy=$MAGNUM_HTTPS_PROXY" \
    "no_proxy=$MAGNUM_NO_PROXY"
