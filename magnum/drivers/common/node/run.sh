#!/bin/bash
# Run the steps in the order of their names; tell the agent how it went.
#
# cloud-init goes on after a failing script and tells nobody; so there is one
# script for it, this one. A step that says "# attempts: N" is tried N times.
# It ends with 0 or 1 when it has told the end, and is begun anew at the next boot otherwise.
# roles: master worker
set -u

steps=/opt/magnum/steps
logs=/var/log/magnum

# shellcheck source=lib.sh
. /opt/magnum/lib.sh
load_environment

# tell STATE [STEP POSITION]: what the agent reports, later if the service is away.
# Prints the last lines of its standard input, without secrets, when the state is failed.
tell() {
    agent tell "$@" ${2:+"${#all[@]}"} || echo "magnum: nothing can be reported" >&2
}

run_step() { # file
    local log attempts attempt ended
    log=$logs/$(basename "$1" .sh).log
    attempts=$(sed -n 's/^# attempts: *//p' "$1")
    for attempt in $(seq 1 "${attempts:-1}"); do
        echo "--- attempt $attempt" >>"$log"
        "$1" >>"$log" 2>&1 </dev/null
        ended=$?
        case $ended in
            0) return 0 ;;
            "$hopeless") break ;;
        esac
        sleep "$attempt"
    done
    said=$(grep -v '^--- attempt' "$log")
    return 1
}

mkdir -p "$logs"
chmod 0700 "$logs"
install -m 0755 /opt/magnum/magnum-curl /usr/local/bin/magnum-curl
all=("$steps"/*.sh)
position=0
for step in "${all[@]}"; do
    position=$((position + 1))
    name=$(basename "$step" .sh)
    tell building "$name" "$position"
    if ! run_step "$step"; then
        # What a step needs is stopped, too.
        if [ "$(systemctl is-system-running)" = stopping ]; then
            exit 2
        fi
        # No file is written for that: the disk may be full.
        printf '%s\n' "$said" | tell failed "$name" "$position"
        # One that is registered says it in its reports.
        agent fail
        exit 1
    fi
done
tell ready
