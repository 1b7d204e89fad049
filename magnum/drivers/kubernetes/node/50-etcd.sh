#!/bin/bash
# etcd on all masters, its members known from the start. Members and clients
# are told from the bay's other nodes by the name in their certificates.
#
# A master that was made later is another member, which joins those that there are. It
# learns what they have before it votes: until then they are as many as before that have
# to agree. One in whose place it was put is let go first. In the place of the only one it
# goes on with the volume of that one.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=kubernetes.sh
. /opt/magnum/kubernetes.sh
# shellcheck source=downloads.sh
. /opt/magnum/downloads.sh

archive=$MAGNUM_ETCD
if [ "${MAGNUM_ETCD_OF_GUEST:-}" = true ]; then
    # No label asks for it. Of other architectures no digest is known.
    unpack etcd '' ''
    if command -v etcd >/dev/null || [[ $archive != *"/$architecture:"* ]]; then
        archive=
    fi
fi
unpack etcd "$archive" 'etcd[^/]*'
need_command etcd etcd-server
# The package's own service, just installed or found in the guest, would take
# the ports.
stop_foreign_service etcd
need_command etcdctl etcd-client

member=etcd-$MAGNUM_NODE_ADDRESS
url=https://$MAGNUM_NODE_ADDRESS:2380
data=/var/lib/magnum-etcd
# The release that has written what is there.
written_by=$data/written-by
release=$(etcd --version | sed -n 's/^etcd Version: *//p')

members=
others=
for address in $MAGNUM_MASTER_ADDRESSES; do
    members=$members,etcd-$address=https://$address:2380
    if [ "$address" != "$MAGNUM_NODE_ADDRESS" ]; then
        others=$others,https://$address:2379
    fi
done

# of_others ARGUMENTS: bay_etcdctl, which asks the other members.
of_others() {
    endpoints=${others#,} bay_etcdctl "$@"
}

# take_place: be a member that has not been there yet, and no other at this address.
take_place() {
    local listed id status
    listed=$(of_others member list) || return 1
    # A line each: id, status, name, URL for members, for clients, whether it only learns.
    while IFS=', ' read -r id status _; do
        if [ "$status" = unstarted ]; then
            return 0
        fi
        of_others member remove "$id" || return 1
    done < <(grep -F " $url," <<<"$listed")
    of_others member add "$member" --peer-urls="$url" --learner
}

# forget_former: what a volume has of a member that the others have let go since: etcd
# would not start with it.
forget_former() {
    local listed
    listed=$(of_others member list) || return 1
    if ! grep -qF " $url," <<<"$listed"; then
        rm -rf "$data/member"
    fi
}

# know_members: those that there are: who joins has to name just these.
know_members() {
    local listed name peer
    listed=$(of_others member list) || return 1
    members=
    while IFS=, read -r _ _ name peer _; do
        peer=${peer# }
        name=${name# }
        if [ "$peer" = "$url" ]; then
            name=$member
        fi
        members=$members,$name=$peer
    done <<<"$listed"
    # Of one that has not started yet nobody knows the name.
    [[ $members == *",$member=$url"* && $members != *,=* ]]
}

# vote: be a member as the others, who see first that it has what they have.
vote() {
    local listed line
    listed=$(of_others member list) || return 1
    line=$(grep -F " $url," <<<"$listed") || return 1
    if [[ $line == *", true" ]]; then
        of_others member promote "${line%%,*}"
    fi
}

state=new
if [ "${MAGNUM_NODE_REVISION:-0}" != 0 ]; then
    state=existing
    if [ "$others" ] && [ -d "$data/member" ]; then
        wait_until 600 forget_former
    fi
    # One that was cut short before it had a log has not joined yet.
    if [ ! -d "$data/member/wal" ]; then
        if [ -z "$others" ]; then
            say "the volume of etcd has nothing of the master before this one"
            exit "$hopeless"
        fi
        rm -rf "$data/member"
        # They refuse while one of them is not well.
        wait_until 600 take_place
        wait_until 600 know_members
    fi
fi

# It does not read what a later line has written.
if [ "$release" ] && [ -d "$data/member/wal" ] && [ -s "$written_by" ]; then
    before=$(<"$written_by")
    read -r oldest < <(printf '%s\n' "${before%.*}" "${release%.*}" | sort --version-sort)
    if [ "$oldest" != "${before%.*}" ]; then
        say "etcd $release does not read what etcd $before has written here: choose an image" \
            "with that one or a later one"
        exit "$hopeless"
    fi
fi

install --directory --mode=0700 "$data"
write_unit magnum-etcd "etcd of the bay" "$(command -v etcd)" \
    --name="$member" \
    --data-dir="$data" \
    --initial-cluster="${members#,}" \
    --initial-cluster-state="$state" \
    --initial-cluster-token="$MAGNUM_BAY_UUID" \
    --initial-advertise-peer-urls="$url" \
    --listen-peer-urls="$url" \
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
printf '%s\n' '[Unit]' RequiresMountsFor="$data" \
    '[Service]' Type=notify TimeoutStartSec=1200 \
    >/etc/systemd/system/magnum-etcd.service.d/magnum.conf
start_service magnum-etcd
# It reads its certificate for every connection.
uses_authorities magnum-etcd
if [ "$state" = existing ] && [ "$others" ]; then
    wait_until 600 vote
fi

# There is a quorum only when most masters have come this far.
wait_until 1200 bay_etcdctl endpoint health
[ -z "$release" ] || printf '%s\n' "$release" >"$written_by"
