#!/bin/bash
# Run the steps in the order of their names; tell the agent, and at the end Heat, how
# it went.
#
# cloud-init goes on after a failing script and tells nobody; so there is one
# script for it, this one. A step that says "# attempts: N" is tried N times.
# roles: master worker
set -u

steps=/opt/magnum/steps
logs=/var/log/magnum
# What Heat was told, and where: it wants to hear it once.
told=/etc/magnum/told

# shellcheck source=lib.sh
. /opt/magnum/lib.sh
load_environment

tell_heat() { # file
    # PUT: Heat signs the address of a wait condition for this verb only.
    magnum-curl --output /dev/null -X PUT -H 'Content-Type: application/json' \
        --data "@$1" "$MAGNUM_SIGNAL_URL"
}

report() { # status, reason
    local body word="$1 $MAGNUM_SIGNAL_URL"
    if [ -e "$told" ] && [ "$(cat "$told")" = "$word" ]; then
        return 0
    fi
    body=$(mktemp)
    python3 - "$1" "$2" >"$body" <<'PYTHON'
import json
import os
import sys

status, reason = sys.argv[1:]
name = os.environ['MAGNUM_NODE_NAME']
reason = f'node {name}: {reason}'
json.dump({'status': status, 'reason': reason, 'id': name}, sys.stdout)
PYTHON
    # Heat answers 403 also while its Keystone fails, so no refusal is final.
    if wait_until 300 tell_heat "$body" >>"$logs/signal.log" 2>&1; then
        (umask 077 && printf '%s\n' "$word" >"$told")
    else
        echo "magnum: Heat could not be told: $1" >&2
    fi
    rm -f "$body"
}

# tell STATE [STEP POSITION]: what the agent reports, later if the service is away.
# Prints the last lines of its standard input, without secrets, when the state is failed.
tell() {
    agent tell "$@" ${2:+"${#all[@]}"} 2>>"$logs/agent.log" ||
        echo "magnum: nothing can be reported: see $logs/agent.log" >&2
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
        said=$(tell failed "$name" "$position" <<<"$said")
        report FAILURE "step $name: $(tail -n 5 <<<"$said" | tail -c 600)"
        exit 1
    fi
done
tell ready
report SUCCESS "$MAGNUM_NODE_ROLE is ready"
