#!/bin/bash
# The Mesos agent of this node.
# roles: worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=mesos.sh
. /opt/magnum/mesos.sh

# option NAME VALUE: --NAME=VALUE unless the value is empty.
options=()
option() {
    if [ -n "$2" ]; then
        options+=("--$1=$2")
    fi
}
option isolation "$MAGNUM_MESOS_ISOLATION"
option image_providers "$MAGNUM_MESOS_IMAGE_PROVIDERS"
option attributes "${MAGNUM_MESOS_ATTRIBUTES:-}"
option executor_environment_variables "$MAGNUM_MESOS_EXECUTOR_ENVIRONMENT"

mkdir -p "$MAGNUM_MESOS_WORK_DIR"
write_program_unit mesos-agent "$MAGNUM_MESOS_AGENT_IMAGE" mesos-agent \
    --master="$(zookeeper_url mesos)" \
    --ip="$MAGNUM_NODE_ADDRESS" --port=5051 \
    --hostname="${MAGNUM_NODE_PUBLIC_ADDRESS:-$MAGNUM_NODE_ADDRESS}" \
    --containerizers=docker,mesos --executor_registration_timeout=5mins \
    --work_dir="$MAGNUM_MESOS_WORK_DIR" --no-systemd_enable_support \
    "${options[@]}"
start_service mesos-agent
wait_until 300 http_ok "http://$MAGNUM_NODE_ADDRESS:5051/health"
