#!/bin/bash
# etcd on all masters, its members known from the start. Members and clients
# are told from the bay's other nodes by the name in their certificates.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh
# shellcheck source=downloads.sh
. /opt/magnum/downloads.sh

unpack etcd "$MAGNUM_ETCD" 'etcd[^/]*'
need_command etcd etcd-server
# The package's own service, just installed or found in the guest, would take
# the ports.
stop_foreign_service etcd
need_command etcdctl etcd-client

members=
for address in $MAGNUM_MASTER_ADDRESSES; do
    members=$members,etcd-$address=https://$address:2380
done

install --directory --mode=0700 /var/lib/magnum-etcd
write_unit magnum-etcd "etcd of the bay" "$(command -v etcd)" \
    --name="etcd-$MAGNUM_NODE_ADDRESS" \
    --data-dir=/var/lib/magnum-etcd \
    --initial-cluster="${members#,}" \
    --initial-cluster-token="$MAGNUM_BAY_UUID" \
    --initial-advertise-peer-urls="https://$MAGNUM_NODE_ADDRESS:2380" \
    --listen-peer-urls="https://$MAGNUM_NODE_ADDRESS:2380" \
    --listen-client-urls="https://$MAGNUM_NODE_ADDRESS:2379,https://127.0.0.1:2379" \
    --advertise-client-urls="https://$MAGNUM_NODE_ADDRESS:2379" \
    --cert-file="$certificates/etcd.pem" --key-file="$certificates/etcd.key" \
    --trusted-ca-file="$certificates/ca.pem" --client-cert-auth \
    --client-cert-allowed-hostname=etcd.magnum \
    --peer-cert-file="$certificates/etcd.pem" --peer-key-file="$certificates/etcd.key" \
    --peer-trusted-ca-file="$certificates/ca.pem" --peer-client-cert-auth \
    --peer-cert-allowed-cn=etcd \
    --auto-compaction-retention=8
# It says when it has joined the others: whoever restarts it waits for that.
mkdir -p /etc/systemd/system/magnum-etcd.service.d
printf '%s\n' '[Unit]' RequiresMountsFor=/var/lib/magnum-etcd \
    '[Service]' Type=notify TimeoutStartSec=1200 \
    >/etc/systemd/system/magnum-etcd.service.d/magnum.conf
start_service magnum-etcd
# It reads its certificate for every connection.
uses_authorities magnum-etcd

# There is a quorum only when most masters have come this far.
wait_until 1200 bay_etcdctl endpoint health
