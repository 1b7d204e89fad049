#!/bin/bash
# Configure the API server with the keys that there are; whoever runs this restarts it.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

umask 077
encryption_configuration | write_kubernetes encryption.new
mv /etc/kubernetes/encryption.new /etc/kubernetes/encryption.yaml
