#!/bin/bash
# One key for the tokens of service accounts, the same on all masters: each
# offers one to etcd, which keeps the first and gives it to all.
# roles: master
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

name=/magnum/service-account-key
umask 077
offer=$(mktemp)
trap 'rm -f "$offer"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$offer"

bay_etcdctl txn >/dev/null <<TXN
version("$name") = "0"

put $name $(base64 --wrap=0 "$offer")


TXN
bay_etcdctl get --print-value-only $name | base64 --decode \
    >"$certificates/service-account.key"
openssl ec -in "$certificates/service-account.key" -pubout \
    -out "$certificates/service-account.pub"
