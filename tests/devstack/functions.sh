#!/bin/bash
#
# The functions of devstack that its plugins may call, with the same names,
# arguments and effects. Files, databases, Keystone, processes and packages are
# real; what needs root or systemd has a like effect below $TOP_DIR.

declare -A GITREPO GITBRANCH GITDIR

# ------------------------------------------------------------------- messages

function echo_summary {
    echo "== $*"
}

function die { # die LINE MESSAGE...
    shift
    echo "[ERROR] $*" >&2
    exit 1
}

function warn {
    shift
    echo "[WARNING] $*" >&2
}

# ------------------------------------------------------------------- settings

# True when one of the services is. is_X_enabled, where there is one, speaks
# for the service X.
function is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ,$ENABLED_SERVICES, == *,$service,* ]]; then
            return 0
        fi
        if [[ $(type -t "is_${service}_enabled") == function ]] && "is_${service}_enabled"; then
            return 0
        fi
    done
    return 1
}

function enable_service {
    local service
    for service in "$@"; do
        if [[ ,$DISABLED_SERVICES, == *,$service,* ]]; then
            warn $LINENO "Attempt to enable_service $service when it has been disabled"
        elif [[ ,$ENABLED_SERVICES, != *,$service,* ]]; then
            ENABLED_SERVICES+=${ENABLED_SERVICES:+,}$service
        fi
    done
}

function disable_service {
    local service
    for service in "$@"; do
        DISABLED_SERVICES+=,$service
        ENABLED_SERVICES=$(sed "s/,$service,/,/; s/^,//; s/,\$//" <<<",$ENABLED_SERVICES,")
    done
}

# -------------------------------------------------------------------- plugins

function enable_plugin { # enable_plugin NAME URL [BRANCH]
    DEVSTACK_PLUGINS+=${DEVSTACK_PLUGINS:+,}$1
    GITREPO[$1]=$2
    GITBRANCH[$1]=${3:-master}
    GITDIR[$1]=$DEST/$1
}

# Only the role that sorts the plugins of a job reads these.
function define_plugin {
    :
}

function plugin_requires {
    :
}

# ---------------------------------------------------------------------- files

# The harness owns all that sudo is asked for.
function sudo {
    "$@"
}

function _ini { # _ini FILE SECTION OPTION: the lines "number value" of an option
    [[ -f $1 ]] || return 0
    awk -v section="[$2]" -v option="$3" '
        /^\[/ { inside = index($0, section) == 1 }
        inside {
            name = $0
            sub(/[ \t]*=.*/, "", name)
            if (name == option && index($0, "=")) {
                value = $0
                sub(/^[^=]*=[ \t]*/, "", value)
                print NR, value
            }
        }' "$1"
}

function iniget {
    _ini "$@" | sed 's/^[0-9]* //'
}

# A new option comes first in its section, a new section last in the file.
function _ini_insert {
    if ! grep -qs "^\[$2\]" "$1"; then
        printf '\n[%s]\n' "$2" >>"$1"
    fi
    local text
    text=$(awk -v section="[$2]" '
        { print }
        index($0, section) == 1 && !done { print ENVIRON["LINE"]; done = 1 }
        ' "$1")
    printf '%s\n' "$text" >"$1"
}

function iniset { # iniset [-sudo] FILE SECTION OPTION VALUE
    [[ $1 == -sudo ]] && shift
    if [[ -z $2 || -z $3 ]]; then
        return
    fi
    local number
    number=$(_ini "$1" "$2" "$3" | head -n 1 | cut -d' ' -f1)
    if [[ -z $number ]]; then
        LINE="$3 = $4" _ini_insert "$1" "$2"
    else
        # sed takes an ampersand in the new value for the old line, there as here.
        sed -i "${number}s"$'\x01'".*"$'\x01'"$3 = $4"$'\x01' "$1"
    fi
}

# ----------------------------------------------------------------- networking

function upload_image { # upload_image URL
    local name=${1##*/}
    local file=$FILES/$name
    if [[ ! -f $file ]]; then
        curl -sSfL "$1" -o "$file"
    fi
    local format
    case "$name" in
        *.qcow2 | *.img) format=qcow2 ;;
        *) die $LINENO "upload_image does not know $name" ;;
    esac
    name=${name%.img}
    openstack --os-cloud devstack-admin image create "${name%.qcow2}" --public \
        --container-format bare --disk-format $format --file "$file" -f value -c id
}

function test_with_retry { # test_with_retry COMMAND MESSAGE [SECONDS] [SLEEP]
    if ! timeout "${3:-10}" sh -c "while ! $1; do sleep ${4:-0.5}; done"; then
        die $LINENO "$2"
    fi
}

# --------------------------------------------------------------------- Python

function get_python_exec_prefix {
    echo "$DEVSTACK_VENV/bin"
}

function pip_install {
    (cd "$MAGNUM_DIR" && "$DEVSTACK_VENV/bin/python" -m tools.common.environments \
        "$DEVSTACK_VENV" -c "$REQUIREMENTS_DIR/upper-constraints.txt" "$@")
}

function setup_develop { # setup_develop DIRECTORY
    pip_install -e "$1"
}

function use_library_from_git {
    [[ ${LIBS_FROM_GIT:-} == ALL || ,${LIBS_FROM_GIT:-}, == *,$1,* ]]
}

function git_clone_by_name {
    if [[ ! -d ${GITDIR[$1]} ]]; then
        git clone --quiet --branch "${GITBRANCH[$1]}" "${GITREPO[$1]}" "${GITDIR[$1]}"
    fi
}

function setup_dev_lib {
    pip_install -e "${GITDIR[$1]}"
}

# ------------------------------------------------------------------- backends

function recreate_database { # recreate_database NAME
    mariadb --no-defaults --socket="$MYSQL_SOCKET" --user="$DATABASE_USER" \
        --password="$DATABASE_PASSWORD" \
        --execute="DROP DATABASE IF EXISTS $1; CREATE DATABASE $1 CHARACTER SET utf8"
}

function database_connection_url {
    echo "$BASE_SQL_CONN/$1?charset=utf8"
}

function iniset_rpc_backend { # iniset_rpc_backend PACKAGE FILE [SECTION]
    iniset "$2" "${3:-DEFAULT}" transport_url "$RABBIT_URL"
}

# -------------------------------------------------------------------- Keystone

function _keystone {
    "$HARNESS_PYTHON" "$HARNESS/keystone.py" "$@"
}

for _name in get_or_create_domain get_or_create_user \
    get_or_add_user_project_role get_or_add_user_domain_role \
    get_or_create_service get_or_create_endpoint; do
    eval "function $_name { _keystone $_name \"\$@\"; }"
done

function create_service_user { # create_service_user NAME [ROLE]
    get_or_create_user "$1" "$SERVICE_PASSWORD" "$SERVICE_DOMAIN_NAME"
    local role
    for role in service ${2:-}; do
        get_or_add_user_project_role "$role" "$1" "$SERVICE_PROJECT_NAME" \
            "$SERVICE_DOMAIN_NAME" "$SERVICE_DOMAIN_NAME"
    done
}

# configure_keystone_authtoken_middleware FILE USER [SECTION] [SERVICE_TYPE]
function configure_keystone_authtoken_middleware {
    local section=${3:-keystone_authtoken}
    iniset "$1" "$section" auth_type password
    iniset "$1" "$section" interface public
    iniset "$1" "$section" auth_url "$KEYSTONE_SERVICE_URI"
    iniset "$1" "$section" username "$2"
    iniset "$1" "$section" password "$SERVICE_PASSWORD"
    iniset "$1" "$section" user_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$1" "$section" project_name "$SERVICE_PROJECT_NAME"
    iniset "$1" "$section" project_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$1" "$section" cafile "$SSL_BUNDLE_FILE"
    iniset "$1" "$section" memcached_servers "$MEMCACHE_SERVERS"
    if [[ -n ${4:-} ]]; then
        iniset "$1" "$section" service_type "$4"
    fi
}

# ------------------------------------------------------------------- processes

function setup_logging { # setup_logging FILE
    iniset "$1" DEFAULT use_journal False
    iniset "$1" DEFAULT logging_context_format_string \
        "%(color)s%(levelname)s %(name)s [%(global_request_id)s %(request_id)s %(project_name)s \
%(user_name)s%(color)s] %(instance)s%(color)s%(message)s"
}

# write_uwsgi_config FILE APPLICATION PATH [HOST:PORT] [NAME]
function write_uwsgi_config {
    rm -rf "$1"
    if [[ $2 != *:* ]]; then
        die $LINENO "a WSGI script is deprecated: $2"
    fi
    iniset "$1" uwsgi module "$2"
    iniset "$1" uwsgi processes "$API_WORKERS"
    iniset "$1" uwsgi master true
    iniset "$1" uwsgi die-on-term true
    iniset "$1" uwsgi exit-on-reload false
    iniset "$1" uwsgi hook-master-start "unix_signal:15 gracefully_kill_them_all"
    iniset "$1" uwsgi enable-threads true
    iniset "$1" uwsgi plugins http,python3
    iniset "$1" uwsgi thunder-lock true
    iniset "$1" uwsgi buffer-size 65535
    iniset "$1" uwsgi add-header "Connection: close"
    iniset "$1" uwsgi lazy-apps true
    iniset "$1" uwsgi start-time %t
    if [[ -z ${4:-} ]]; then
        die $LINENO "no Apache here for $3"
    fi
    iniset "$1" uwsgi http "$4"
}

function remove_uwsgi_config { # remove_uwsgi_config FILE NAME
    rm -rf "$1"
}

# As a unit of systemd: no variable of this shell, an absolute path, a log.
function _start {
    local service=$1 command=$2
    if [[ -f $SERVICE_DIR/$service.pid ]] && kill -0 "$(<"$SERVICE_DIR/$service.pid")" 2>&-; then
        return
    fi
    (
        cd /
        # shellcheck disable=SC2086
        exec env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME="$DEST" \
            setsid $command </dev/null >>"$LOGDIR/$service.log" 2>&1
    ) &
    echo $! >"$SERVICE_DIR/$service.pid"
    disown $!
}

function run_process { # run_process SERVICE COMMAND
    if [[ $2 != /* ]]; then
        die $LINENO "systemd takes absolute paths only: $2"
    fi
    if [[ $2 == *sudo* ]]; then
        die $LINENO "systemd runs no sudo: $2"
    fi
    local command=$2
    if [[ $command == *uwsgi* ]]; then
        command+=" --venv $DEVSTACK_VENV"
    fi
    if is_service_enabled "$1"; then
        _start "$1" "$command"
    fi
}

function stop_process { # stop_process SERVICE
    local file=$SERVICE_DIR/$1.pid
    if is_service_enabled "$1" && [[ -f $file ]]; then
        local pid
        pid=$(<"$file")
        if kill -TERM "$pid" 2>&-; then
            timeout 60 tail --pid "$pid" -f /dev/null || kill -KILL -- "-$pid"
        fi
        rm "$file"
    fi
}

# start_tls_proxy NAME FRONT_HOST FRONT_PORT BACK_HOST BACK_PORT
function start_tls_proxy {
    _start "$1-tls-proxy" \
        "$HARNESS_PYTHON $HARNESS/tls_proxy.py $SERVICE_HOST:$3 $4:$5 $DEVSTACK_CERT"
}
