#!/bin/bash
# The programs of Kubernetes and flannel: those of the guest's image, or
# downloaded and, where the source publishes a digest, checked by it.
# attempts: 3
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

architecture=$(dpkg --print-architecture)

# fetch PROGRAM URL: into /usr/local/bin, unless there already.
fetch() {
    local file
    if command -v "$1" >/dev/null; then
        say "$1 is there already"
        return 0
    fi
    say "downloading $2"
    file=$(mktemp)
    curl --fail --silent --show-error --location --retry 5 --output "$file" "$2"
    if [ -n "${3:-}" ]; then
        echo "$(curl --fail --silent --show-error --location --retry 5 "$3")  $file" |
            sha256sum --check --quiet
    fi
    install -m 0755 "$file" "/usr/local/bin/$1"
    rm -f "$file"
}

for program in $MAGNUM_KUBE_PROGRAMS; do
    url=$MAGNUM_KUBE_BINARIES_URL/$MAGNUM_KUBE_VERSION/bin/linux/$architecture/$program
    fetch "$program" "$url" "$url.sha256"
done
fetch flanneld \
    "$MAGNUM_FLANNEL_BINARIES_URL/$MAGNUM_FLANNEL_VERSION/flanneld-$architecture"
