#!/bin/bash
# Say whether this master can take other settings over, and change nothing: all masters are
# asked before the first one is upgraded.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh

load_environment
if [ -d /var/lib/magnum/former ]; then
    say "an upgrade is not done here, and goes on"
    exit 0
fi
file=$(mktemp)
trap 'rm -f "$file"' EXIT
if [ "$(merge_settings "$file")" = same ]; then
    say "it is so already"
    exit 0
fi
# shellcheck source=/dev/null
. "$file"
# Has anybody asked this API server, since it was started, for what the release leaves out?
# One that does not answer cannot say.
release=${MAGNUM_KUBE_VERSION#v}
metric='apiserver_requested_deprecated_apis{group="\([^"]*\)",'
metric+='removed_release="'${release%.*}'",resource="\([^"]*\)",.*version="\([^"]*\)"} 1'
used=$(kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw=/metrics 2>/dev/null |
    sed -n "s/^$metric$/\2 of \1\/\3/p" | sort -u) || used=
if [ -n "$used" ] && [ "${MAGNUM_REMOVED_APIS_ALLOWED:-}" != true ]; then
    say "programs ask for what $MAGNUM_KUBE_VERSION leaves out: ${used//$'\n'/, }." \
        "Nothing was changed; the label removed_apis_allowed lets the upgrade go on"
    exit 1
fi
