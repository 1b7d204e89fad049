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
# What brings settings to programs that run. etcd and its key stay as they are.
steps=(
    40-containerd 45-binaries 60-control-plane 65-addons 67-charts 70-kubelet 75-flannel 90-ready
)

# What was there is there again soon: nobody waits as long as for a new machine, and the
# agent gives all of it, with the way back, MAGNUM_SECONDS.
export MAGNUM_API_SECONDS=240 MAGNUM_NETWORK_SECONDS=180 MAGNUM_READY_SECONDS=300

umask 077

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
    if [ "$(merge_settings "$settings.new")" = same ]; then
        say "it is so already"
        exit 0
    fi
    # Once more: what was asked before the first master may be different by now.
    /opt/magnum/directives/check.sh
    snapshot
    keep_former
fi
merge_settings "$settings.new" >/dev/null
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
