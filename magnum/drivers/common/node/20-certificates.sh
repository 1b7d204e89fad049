#!/bin/bash
# Make a private key for each of the node's certificates and have them issued.
# Keys never leave the node; the service decides every subject.
# roles: master worker
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ -z "$MAGNUM_CERTIFICATES" ]; then
    exit 0
fi

umask 077
mkdir -p "$certificates"
header=$(mktemp)
trap 'rm -f "$header"' EXIT
printf 'X-Bootstrap-Token: %s\n' "$MAGNUM_BOOTSTRAP_TOKEN" >"$header"

# keep FILE: what came beside it, if it is a certificate.
keep() {
    openssl x509 -in "$1.new" -noout
    mv "$1.new" "$1"
}

# A living node whose cloud-init runs again has all, and its token is dead.
if [ ! -s "$certificates/ca.pem" ]; then
    patiently 10 6 -H "@$header" -X POST --output "$certificates/ca.pem.new" \
        "$MAGNUM_BOOTSTRAP_URL/$MAGNUM_BAY_UUID/ca" >/dev/null
    keep "$certificates/ca.pem"
    chmod 0644 "$certificates/ca.pem"
fi

for purpose in $MAGNUM_CERTIFICATES; do
    key=$certificates/$purpose.key
    if [ -s "$certificates/$purpose.pem" ]; then
        continue
    fi
    if [ ! -s "$key" ]; then
        openssl ecparam -name prime256v1 -genkey -noout -out "$key"
    fi
    post_request 10 6 "$purpose" \
        "certificates/$purpose?node=$MAGNUM_NODE_NAME&renews=true" \
        -H "@$header" --output "$certificates/$purpose.pem.new" >/dev/null
    keep "$certificates/$purpose.pem"
    say "has its certificate for $purpose"
done
