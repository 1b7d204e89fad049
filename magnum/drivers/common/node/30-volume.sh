#!/bin/bash
# Give the containers, and etcd on masters, the Cinder volumes that were made for them.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

# find_device ID: Nova's disks carry the first 20 characters of the volume's id as serial.
find_device() {
    local link
    for link in /dev/disk/by-id/*"${1:0:20}"; do
        if [ -b "$link" ]; then
            device=$(readlink -f "$link")
            return 0
        fi
    done
    return 1
}

# keeps_cluster LABEL: the volume has what the only master knew of the cluster, which went.
keeps_cluster() {
    [[ $1 = magnum-etcd && ${MAGNUM_NODE_REVISION:-0} != 0 &&
        $MAGNUM_MASTER_ADDRESSES = "$MAGNUM_NODE_ADDRESS" ]]
}

# mount_volume ID LABEL FOLDER: if there is one.
mount_volume() {
    local device
    if [ -z "$1" ]; then
        return 0
    fi
    # Heat attaches the volume after the server was made.
    wait_until 600 find_device "$1"
    if ! blkid "$device" >/dev/null; then
        if keeps_cluster "$2"; then
            say "the volume of etcd cannot be read, or has nothing of the master before this one"
            exit "$hopeless"
        fi
        mkfs.ext4 -q -L "$2" "$device"
    fi
    mkdir -p "$3"
    if ! grep -q " $3 " /etc/fstab; then
        echo "LABEL=$2 $3 ext4 defaults,nofail 0 2" >>/etc/fstab
    fi
    mountpoint -q "$3" || mount "$3"
}

mount_volume "$MAGNUM_VOLUME_ID" magnum "$MAGNUM_VOLUME_MOUNT"
mount_volume "$MAGNUM_ETCD_VOLUME_ID" magnum-etcd /var/lib/magnum-etcd
