#!/bin/bash
# Become one machine, in the network namespace in which this runs.
#
#   machine.sh NAME FOLDER ROOT unified|legacy BIND...
#
# NAME: of the cgroup; FOLDER: of the machine's disk; ROOT: of the guest; BIND: an
# argument of systemd-nspawn's --bind. What is mounted here is seen by nobody else
# and ends with the machine: "ip netns exec" made a mount namespace.
set -euo pipefail
name=$1 folder=$2 root=$3 cgroups=$4
shift 4

# join FOLDER: put this process into the machine's own cgroup of one hierarchy.
join() {
    mkdir -p "$1/$name"
    if [ -e "$1/cpuset.cpus" ] && [ -e "$1/tasks" ]; then
        cat "$1/cpuset.cpus" >"$1/$name/cpuset.cpus"
        cat "$1/cpuset.mems" >"$1/$name/cpuset.mems"
    fi
    echo $$ >"$1/$name/cgroup.procs"
}

top=/sys/fs/cgroup
case $cgroups in
    unified)
        mount -t cgroup2 cgroup2 $top
        # What the host's own systemd does, where it is one.
        if grep -qw memory $top/cgroup.controllers; then
            read -ra controllers <$top/cgroup.controllers
            for controller in "${controllers[@]}"; do
                echo "+$controller" >$top/cgroup.subtree_control 2>/dev/null || true
            done
        fi
        join $top
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
        ;;
    legacy)
        mount -t tmpfs -o mode=755 tmpfs $top
        for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
            mkdir $top/$controller
            mount -t cgroup -o $controller cgroup $top/$controller
            join $top/$controller
        done
        mkdir $top/systemd $top/unified
        mount -t cgroup -o none,name=systemd cgroup $top/systemd
        join $top/systemd
        mount -t cgroup2 cgroup2 $top/unified
        join $top/unified
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0
        ;;
esac

mount -t overlay overlay \
    -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
binds=()
for bind; do
    binds+=("--bind=$bind")
done
# The machine may do to its own network what it likes, and nothing to the host's.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --register=no --keep-unit --boot --machine="$name" \
    --directory="$folder/root" --capability=all \
    --system-call-filter='@keyring bpf @mount @privileged @clock' \
    --bind-ro=/dev/kmsg --console=pipe --link-journal=no --resolv-conf=off --timezone=off \
    "${binds[@]}"
