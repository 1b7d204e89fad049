#!/bin/bash
# One key for the tokens of service accounts, the same on all masters: each
# offers one to etcd, which keeps the first and gives it to all. It is encrypted there:
# who has a copy of what etcd has could make tokens.
# roles: master
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh

if ! [ -e "$encryption_key" ]; then
    say "the service told of no key: is an API of an earlier release at work?"
    exit "$hopeless"
fi
umask 077
offer=$(mktemp)
trap 'rm -f "$offer"' EXIT
read -r _ writes_by < <(encryption_keys) || true
openssl ecparam -name prime256v1 -genkey -noout -out "$offer"

bay_etcdctl txn >/dev/null <<TXN
version("$service_account_key") = "0"

put $service_account_key $(encrypted "${writes_by:-}" <"$offer" | base64 --wrap=0)


TXN
read_service_account_key "$offer"
install -m 0600 "$offer" "$certificates/service-account.key"
openssl ec -in "$certificates/service-account.key" -pubout \
    -out "$certificates/service-account.pub"
