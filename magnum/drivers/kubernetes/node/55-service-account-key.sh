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
name=/magnum/service-account-key
umask 077
offer=$(mktemp)
trap 'rm -f "$offer"' EXIT
encrypt=(cat)
decrypt=(cat)
if [ -s "$encryption_key" ]; then
    encrypt=(openssl enc -aes-256-cbc -pbkdf2 -pass "file:$encryption_key")
    decrypt=("${encrypt[@]}" -d)
fi
openssl ecparam -name prime256v1 -genkey -noout -out "$offer"

bay_etcdctl txn >/dev/null <<TXN
version("$name") = "0"

put $name $("${encrypt[@]}" <"$offer" | base64 --wrap=0)


TXN
bay_etcdctl get --print-value-only $name | base64 --decode |
    "${decrypt[@]}" >"$certificates/service-account.key"
openssl ec -in "$certificates/service-account.key" -pubout \
    -out "$certificates/service-account.pub"
