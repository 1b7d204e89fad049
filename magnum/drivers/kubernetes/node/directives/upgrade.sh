#!/bin/bash
# Take other settings over on this master, with the programs that they name: above all
# another release. If that fails, what it had before comes back.
#
# May be killed anywhere, and told again: it goes on from what it had kept.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=../kubernetes.sh
. /opt/magnum/kubernetes.sh

settings=$taken_over
programs=/usr/local/bin
record=/var/lib/magnum/programs
# Settings and programs as they were; there only while an upgrade is not done.
former=/var/lib/magnum/former
snapshots=/var/lib/magnum/etcd-snapshots
# A volume outlives the master's server.
[ -z "${MAGNUM_ETCD_VOLUME_ID:-}" ] || snapshots=/var/lib/magnum-etcd/snapshots
kept_snapshots=3
# What brings settings to programs that run. etcd and its key stay as they are.
steps=(
    40-containerd 45-binaries 60-control-plane 65-addons 67-charts 70-kubelet 75-flannel 90-ready
)

# What was there is there again soon: nobody waits as long as for a new machine, and the
# agent gives all of it, with the way back, MAGNUM_SECONDS.
export MAGNUM_API_SECONDS=240 MAGNUM_NETWORK_SECONDS=180 MAGNUM_READY_SECONDS=300

umask 077

# merge FILE: write what was taken over with what is told, and say whether that is
# something new for the node.
merge() {
    python3 -c "import os, shlex, sys
def read(text):
    return dict(word.split('=', 1) for word in shlex.split(text, comments=True))
made_with, before = (read(open(name).read()) for name in sys.argv[1:3])
after = {**before, **read(os.environ['MAGNUM_SETTINGS'])}
with open(sys.argv[3], 'w') as file:
    file.writelines(f'{name}={shlex.quote(value)}\n' for name, value in after.items())
same = {**made_with, **after} == {**made_with, **before}
print('same' if same else 'others')" /etc/magnum/node.env "$settings" "$1"
}

# check_apis: that nobody has asked this API server, since it was started, for what the
# release leaves out. One that does not answer cannot say.
check_apis() (
    # shellcheck source=/dev/null
    . "$settings.new"
    release=${MAGNUM_KUBE_VERSION#v}
    metric='apiserver_requested_deprecated_apis{group="\([^"]*\)",'
    metric+='removed_release="'${release%.*}'",resource="\([^"]*\)",.*version="\([^"]*\)"} 1'
    used=$(kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw=/metrics 2>/dev/null |
        sed -n "s/^$metric$/\2 of \1\/\3/p" | sort -u) || used=
    if [ -n "$used" ] && [ "${MAGNUM_REMOVED_APIS_ALLOWED:-}" != true ]; then
        say "programs ask for what $MAGNUM_KUBE_VERSION leaves out: ${used//$'\n'/, }." \
            "Nothing was changed; the label removed_apis_allowed lets the upgrade go on"
        return 1
    fi
)

# keep_former: settings, and the programs that were downloaded.
keep_former() {
    local name
    rm -rf "$former.new"
    mkdir -p "$former.new/programs"
    cp -p "$settings" "$former.new/settings"
    cp -p "$record" "$former.new/record"
    for name in $MAGNUM_KUBE_PROGRAMS flanneld; do
        if [ -e "$programs/$name" ]; then
            cp -p "$programs/$name" "$former.new/programs/"
        fi
    done
    sync -f "$former.new"
    mv "$former.new" "$former"
}

# snapshot: of what etcd has, should nothing else help.
snapshot() {
    local file files said
    mkdir -p "$snapshots"
    file=$snapshots/$(date -u +%Y%m%dT%H%M%SZ)-$MAGNUM_KUBE_VERSION.db
    if ! said=$(bay_etcdctl snapshot save "$file" 2>&1); then
        say "etcd cannot be kept: $said"
        return 1
    fi
    say "what etcd has is kept in $file"
    files=("$snapshots"/*.db)
    while ((${#files[@]} > kept_snapshots)); do
        rm -f "${files[0]}"
        files=("${files[@]:1}")
    done
}

# run_steps: with the settings that there are; the last lines of the one that fails.
run_steps() {
    local step log
    load_environment
    for step in "${steps[@]}"; do
        log=/var/log/magnum/upgrade-$step.log
        if ! "/opt/magnum/steps/$step.sh" >"$log" 2>&1; then
            say "the step $step failed:"
            tail -n 8 "$log"
            return 1
        fi
    done
}

# forget_former: in one move, as half of it would be taken for all that there was.
forget_former() {
    rm -rf "$former.done"
    mv "$former" "$former.done"
    rm -rf "$former.done"
}

# return_to_former: settings and programs as they were, and run with them. It is run
# where bash does not end by itself what fails, as on a full disk.
return_to_former() {
    local name
    for name in $MAGNUM_KUBE_PROGRAMS flanneld; do
        if [ -e "$former/programs/$name" ]; then
            install -p -m 0755 "$former/programs/$name" "$programs/$name" || return 1
        elif [ -e "$programs/$name" ]; then
            rm "$programs/$name" || return 1
        fi
    done
    cp -p "$former/record" "$record" || return 1
    cp -p "$former/settings" "$settings.new" || return 1
    mv "$settings.new" "$settings" || return 1
    run_steps
}

load_environment
: >>"$settings"
if [ ! -d "$former" ]; then
    if [ "$(merge "$settings.new")" = same ]; then
        say "it is so already"
        exit 0
    fi
    check_apis
    snapshot
    keep_former
fi
merge "$settings.new" >/dev/null
mv "$settings.new" "$settings"
if run_steps; then
    forget_former
    say "it has the release $MAGNUM_KUBE_VERSION"
    exit 0
fi
if return_to_former; then
    forget_former
    say "it has the release $MAGNUM_KUBE_VERSION again, which it had before"
else
    say "it does not work with what it had before, either"
fi
exit 1
