#!/bin/bash
# Trust the authority that signed the cloud's own endpoints.
# roles: master worker
set -euo pipefail

if [ ! -s /etc/magnum/openstack-ca.pem ]; then
    exit 0
fi
install -m 0644 /etc/magnum/openstack-ca.pem \
    /usr/local/share/ca-certificates/magnum-openstack.crt
update-ca-certificates
