#!/bin/bash
# The programs of Kubernetes and flannel: those of the guest's image, or
# downloaded and checked by the digests that the node was told.
# roles: master worker
# attempts: 3
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=downloads.sh
. /opt/magnum/downloads.sh

# Programs that were downloaded, as "PROGRAM RELEASE".
fetched=/var/lib/magnum/programs
mkdir -p "${fetched%/*}"
: >>"$fetched"

# release_of PROGRAM: what it says that it is; flanneld of a guest says nothing of use.
release_of() {
    local said
    case $1 in
        kubectl)
            kubectl version --client --output=json | python3 -c '
import json, sys
print(json.load(sys.stdin)["clientVersion"]["gitVersion"])'
            ;;
        flanneld) sed -n 's/^flanneld //p' "$fetched" ;;
        *) said=$("$1" --version) && echo "${said##* }" ;;
    esac
}

# is_there PROGRAM RELEASE: nothing has to be downloaded.
is_there() {
    local found
    command -v "$1" >/dev/null || return 1
    found=$(release_of "$1" 2>/dev/null) || found=
    if [ "$found" = "$2" ] || { [ "$1" = flanneld ] && [ -z "$found" ]; }; then
        say "$1 is there already"
        return 0
    fi
    say "$1 is of ${found:-an unknown release}, not $2"
    return 1
}

# fetch PROGRAM RELEASE URL: into /usr/local/bin, unless there already.
fetch() {
    local file
    if is_there "$1" "$2"; then
        return 0
    fi
    download "$1" "$2" "$3"
    # Half of a flanneld would be taken for that of the guest.
    install -m 0755 "$file" "/usr/local/bin/$1.new"
    sync "/usr/local/bin/$1.new"
    mv "/usr/local/bin/$1.new" "/usr/local/bin/$1"
    rm -f "$file"
    sed -i "/^$1 /d" "$fetched"
    echo "$1 $2" >>"$fetched"
}

for program in $MAGNUM_KUBE_PROGRAMS; do
    url=$MAGNUM_KUBE_BINARIES_URL/$MAGNUM_KUBE_VERSION/bin/linux/$architecture/$program
    fetch "$program" "$MAGNUM_KUBE_VERSION" "$url"
done
if [ "$MAGNUM_NETWORK_DRIVER" = flannel ]; then
    fetch flanneld "$MAGNUM_FLANNEL_VERSION" \
        "$MAGNUM_FLANNEL_BINARIES_URL/$MAGNUM_FLANNEL_VERSION/flanneld-$architecture"
fi
