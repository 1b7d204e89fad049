#!/bin/bash
# Give the containers the Cinder volume that was made for them.
# roles: master worker
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

if [ -z "$MAGNUM_VOLUME_ID" ]; then
    exit 0
fi

# Nova's disks carry the first 20 characters of the volume's id as serial.
device=
find_device() {
    local link
    for link in /dev/disk/by-id/*"${MAGNUM_VOLUME_ID:0:20}"; do
        if [ -b "$link" ]; then
            device=$(readlink -f "$link")
            return 0
        fi
    done
    return 1
}

# Heat attaches the volume after the server was made.
wait_until 600 find_device
if ! blkid "$device" >/dev/null; then
    mkfs.ext4 -q -L magnum "$device"
fi
mkdir -p "$MAGNUM_VOLUME_MOUNT"
if ! grep -q " $MAGNUM_VOLUME_MOUNT " /etc/fstab; then
    echo "LABEL=magnum $MAGNUM_VOLUME_MOUNT ext4 defaults,nofail 0 2" >>/etc/fstab
fi
mountpoint -q "$MAGNUM_VOLUME_MOUNT" || mount "$MAGNUM_VOLUME_MOUNT"
