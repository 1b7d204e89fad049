#!/bin/bash
#
# stack.sh, unstack.sh and clean.sh of devstack, as far as plugins see them.
#
#   stack.sh stack [PHASE...]
#   stack.sh unstack|clean
#
# $TOP_DIR has local.conf, and "environment" with what devstack's libraries
# have found out before plugins are asked.

set -o errexit
set -o errtrace
trap 'echo "[ERROR] line $LINENO: $BASH_COMMAND" >&2' ERR

HARNESS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/devstack/functions.sh
source "$HARNESS/functions.sh"
# shellcheck source=/dev/null
source "$TOP_DIR/environment"
mkdir -p "$DEST" "$DATA_DIR" "$LOGDIR" "$SERVICE_DIR" "$FILES"

# The lines of local.conf below a heading [[...]].
function _local_conf {
    awk -v heading="$1" '/^\[\[/ { inside = $0 == heading; next } inside' "$TOP_DIR/local.conf"
}

# Set what local.conf has for the files of a phase, as [[post-config|$NAME]].
function merge_config_group {
    local variables variable line section=""
    mapfile -t variables < <(grep -oP "^\[\[$1\|\\$\K\w+" "$TOP_DIR/local.conf")
    for variable in "${variables[@]}"; do
        while read -r line; do
            if [[ $line == \[* ]]; then
                section=${line//[\[\]]/}
            elif [[ $line == *=* ]]; then
                iniset "${!variable}" "$section" "${line%% =*}" "${line#*= }"
            fi
        done < <(_local_conf "[[$1|\$$variable]]")
    done
}

function run_plugins { # run_plugins FILE [MODE [PHASE]]
    local file=$1 plugin
    shift
    for plugin in ${DEVSTACK_PLUGINS//,/ }; do
        if [[ ! -d ${GITDIR[$plugin]}/devstack ]]; then
            die $LINENO "${GITDIR[$plugin]} has no plugin"
        fi
        if [[ -f ${GITDIR[$plugin]}/devstack/$file ]]; then
            # shellcheck source=/dev/null
            source "${GITDIR[$plugin]}/devstack/$file" "$@"
        fi
    done
}

_local_conf '[[local|localrc]]' >"$TOP_DIR/localrc"
# shellcheck source=/dev/null
source "$TOP_DIR/localrc"
run_plugins override-defaults
run_plugins settings

mode=$1
shift
if [[ $mode == stack && $# == 0 ]]; then
    set -- pre-install install post-config extra test-config
fi
for phase in "${@:-}"; do
    echo_summary "$mode $phase"
    # shellcheck disable=SC2086
    run_plugins plugin.sh "$mode" $phase
    if [[ $phase == post-config ]]; then
        merge_config_group post-config
    fi
done
