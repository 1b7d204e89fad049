#!/usr/bin/env bash
# Prepares the benchmark: the service of this checkout and the well-known implementation (release 22.0.0, the last
# that creates clusters by Heat, and 23.0.0), each in a virtual environment of its own, below $MAGNUM_BENCH_DIR;
# private MariaDB, RabbitMQ and memcached of the development cloud; databases, message hosts and configuration files.
# May be run again: what is there stays, and this checkout is installed anew. With --without-peer, ours only.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
root=${MAGNUM_BENCH_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/magnum-bench}
python=${MAGNUM_PYTHON:-python3}
contenders=(ours)
[ "${1:-}" = --without-peer ] || contenders+=(peer peer23)

mkdir -p "$root/logs"

install() { # install NAME ARGUMENT...
    (cd "$checkout" && "$python" -m tools.common.environments "$root/$1" "${@:2}")
}

environment() { # environment NAME PACKAGE...
    [ -x "$root/$1/bin/uwsgi" ] && return
    install "$@"
}

command -v wrk >/dev/null || { echo 'wrk is not installed; apt has it' >&2; exit 1; }
for backend in mariadb rabbitmq memcached; do
    "$checkout/tools/devcloud/devcloud" backend "$backend" up
done
# A fixed version, because commits during the build would change it.
export PBR_VERSION=0.0.1
# Modules of a former build would be installed again.
rm -rf "$checkout/build"
environment ours "$checkout" uwsgi
install ours --requirement "$checkout/requirements.txt"
install ours --no-deps --force-reinstall "$checkout"
if [ "${#contenders[@]}" -gt 1 ]; then
    environment peer magnum==22.0.0 'setuptools<80' pymysql uwsgi python-memcached pymemcache
    environment peer23 magnum==23.0.0 'setuptools<80' pymysql uwsgi python-memcached pymemcache
fi
cd "$checkout"
"$root/ours/bin/python" -m tools.bench.prepare "${contenders[@]}"
