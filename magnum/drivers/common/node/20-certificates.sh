#!/bin/bash
# Make a private key for each of the node's certificates and have them issued.
# Keys never leave the node; the service decides every subject.
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
patiently=(--retry 10 --retry-delay 6 --retry-all-errors -H "@$header")

# keep FILE: what came beside it, if it is a certificate.
keep() {
    openssl x509 -in "$1.new" -noout
    mv "$1.new" "$1"
}

magnum-curl "${patiently[@]}" -X POST --output "$certificates/ca.pem.new" \
    "$MAGNUM_BOOTSTRAP_URL/$MAGNUM_BAY_UUID/ca"
keep "$certificates/ca.pem"
chmod 0644 "$certificates/ca.pem"

for purpose in $MAGNUM_CERTIFICATES; do
    key=$certificates/$purpose.key
    if [ ! -s "$key" ]; then
        openssl ecparam -name prime256v1 -genkey -noout -out "$key"
    fi
    post_request "$purpose" "certificates/$purpose?node=$MAGNUM_NODE_NAME" \
        "${patiently[@]}" --output "$certificates/$purpose.pem.new"
    keep "$certificates/$purpose.pem"
    say "has its certificate for $purpose"
done
