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
base=$MAGNUM_BOOTSTRAP_URL/$MAGNUM_BAY_UUID

# ask FILE CURL-ARGUMENTS...: keep the answer only when it is a certificate.
ask() {
    local file=$1
    shift
    magnum-curl --retry 10 --retry-delay 6 --retry-all-errors -X POST \
        -H "@$header" --output "$file.new" "$@"
    openssl x509 -in "$file.new" -noout
    mv "$file.new" "$file"
}

# names PURPOSE: the alternative names that the certificate should have.
names() {
    local extra=MAGNUM_CERTIFICATE_NAMES_${1//-/_} name address addresses
    printf 'DNS:%s,DNS:localhost,IP:127.0.0.1' "$MAGNUM_NODE_NAME"
    for name in ${!extra:-}; do
        printf ',DNS:%s' "$name"
    done
    addresses="$MAGNUM_NODE_ADDRESS $MAGNUM_NODE_PUBLIC_ADDRESS"
    addresses="$addresses $MAGNUM_API_ADDRESS $MAGNUM_API_PUBLIC_ADDRESS"
    addresses="$addresses ${MAGNUM_SERVICE_ADDRESS:-}"
    for address in $addresses; do
        printf ',IP:%s' "$address"
    done
}

ask "$certificates/ca.pem" "$base/ca"
chmod 0644 "$certificates/ca.pem"

for purpose in $MAGNUM_CERTIFICATES; do
    key=$certificates/$purpose.key
    if [ ! -s "$key" ]; then
        openssl ecparam -name prime256v1 -genkey -noout -out "$key"
    fi
    openssl req -new -key "$key" -subj "/CN=$MAGNUM_NODE_NAME" \
        -addext "subjectAltName=$(names "$purpose")" -out "$key.csr"
    ask "$certificates/$purpose.pem" -H 'Content-Type: application/x-pem-file' \
        --data-binary "@$key.csr" \
        "$base/certificates/$purpose?node=$MAGNUM_NODE_NAME"
    rm -f "$key.csr"
    say "has its certificate for $purpose"
done
