#!/bin/bash
# Write anew, with the key that writes now, what etcd has: secrets, and the key of service
# accounts. What has that key already stays, so that it may be done again.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh

umask 077
file=$(mktemp)
trap 'rm -f "$file"' EXIT
read -r _ writes_by < <(encryption_keys)
read_service_account_key "$file"
if [ "$written_by" != "$writes_by" ]; then
    bay_etcdctl put "$service_account_key" \
        "$(encrypted "$writes_by" <"$file" | base64 --wrap=0)" >/dev/null
    read_service_account_key "$file"
    [ "$written_by" = "$writes_by" ]
    say "the key of service accounts is encrypted anew"
fi
status=0
timeout "$MAGNUM_SECONDS" python3 /opt/magnum/rewrite.py || status=$?
if [ "$status" = 124 ]; then
    say "not all secrets were written anew in $MAGNUM_SECONDS s; a retry goes over them again"
fi
exit "$status"
