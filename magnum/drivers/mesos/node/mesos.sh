# Shared by the Mesos steps; sourced, never run.
# roles: master worker
# shellcheck shell=bash disable=SC2154

# zookeeper_url PATH: the ensemble as Mesos and Marathon name it.
zookeeper_url() {
    local servers=${MAGNUM_MASTER_ADDRESSES// /:2181,}
    echo "zk://$servers:2181/$1"
}

# write_program_unit NAME IMAGE PROGRAM ARGUMENT...: a service that runs the
# program of the guest, or else of the container image. Mesos has no packages
# any more, so one of the two must be there.
write_program_unit() {
    local name=$1 image=$2 program=$3 found
    shift 3
    if found=$(command -v "$program"); then
        write_unit "$name" "$name of the bay" "$found" "$@"
        return 0
    fi
    if [ -z "$image" ]; then
        say "no $program in the guest, and no label that names its image"
        return 1
    fi
    if ! docker image inspect "$image" >/dev/null 2>&1 &&
        ! docker pull --quiet "$image"; then
        say "no $program in the guest, and no image $image"
        return 1
    fi
    write_unit "$name" "$name of the bay" "$(command -v docker)" run --rm \
        --name "$name" --net host --pid host --privileged \
        --volume /sys/fs/cgroup:/sys/fs/cgroup \
        --volume /run/docker.sock:/run/docker.sock \
        --volume /var/run/docker.sock:/var/run/docker.sock \
        --volume /var/lib/mesos:/var/lib/mesos \
        --entrypoint "$program" "$image" "$@"
}

# http_ok URL: does this node's own service answer?
http_ok() {
    curl --silent --show-error --fail --noproxy '*' --max-time 10 \
        --output /dev/null "$1"
}

# in_quorum: "srvr" is answered in full only by a member of a quorum.
in_quorum() {
    python3 -c "
import socket, sys
with socket.create_connection((sys.argv[1], 2181), timeout=5) as connection:
    connection.sendall(b'srvr')
    answer = connection.makefile().read()
print(answer)
sys.exit('Mode:' not in answer)" "$MAGNUM_NODE_ADDRESS"
}
