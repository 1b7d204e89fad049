#!/bin/bash
# Programs of later steps that minimal guests have not.
# roles: master worker
# attempts: 5
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

need_command curl curl
need_command iptables iptables
need_command ip6tables iptables
need_command mkfs.ext4 e2fsprogs
