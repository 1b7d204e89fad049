#!/bin/bash
# One round of following the bay: ask which authorities it trusts, and trust
# them. The agent asks, with the fingerprint of trusted.pem, and so the service hears
# what this node trusts: it is made only when all services run with it.
#
# May be killed anywhere: the next round begins anew and is told the same.
# roles: master worker
set -euo pipefail
# shellcheck source=lib.sh
. /opt/magnum/lib.sh
load_environment

exec 9>/run/magnum-trust.lock
if ! flock --nonblock 9; then
    say "another round is going on"
    exit 0
fi

umask 077
trusted=$certificates/trusted.pem
new=$certificates/new
encryption_key=/etc/magnum/encryption-key

# Purposes of the certificates that the node can use: some keys are not kept.
purposes=()
for purpose in $MAGNUM_CERTIFICATES; do
    if [ -s "$certificates/$purpose.key" ]; then
        purposes+=("$purpose")
    fi
done

# Services, each with what it has to be told of.
users=()
if [ -e "$certificate_users" ]; then
    mapfile -t users <"$certificate_users"
fi

# is_issued_by AUTHORITIES CERTIFICATE
is_issued_by() {
    openssl verify -no-CApath -CAfile "$1" "$2" >/dev/null 2>&1
}

# ends_soon AUTHORITY CERTIFICATE: less is left of it than a part of its term, from
# a quarter to a third, other on each node, so that not all restart their services
# in one moment. No certificate outlives its authority: then another one is of no use.
ends_soon() {
    openssl x509 -in "$1" -noout -enddate | cat - <(openssl x509 -in "$2" -noout -dates) |
        python3 -c "import os, ssl, sys, time, zlib
authority, begin, end = (
    ssl.cert_time_to_seconds(line.partition('=')[2].strip()) for line in sys.stdin)
part = (3 + zlib.crc32(os.environ['MAGNUM_NODE_NAME'].encode()) % 100 / 100) / 12
sys.exit(end >= authority or time.time() < end - (end - begin) * part)"
}

# prepare: certificates by the authority that issues now. Those that are of this
# authority already stay, unless they end soon; others are asked for in one request.
prepare() {
    local purpose wanted=()
    for purpose in "${purposes[@]}"; do
        if is_issued_by "$new/issuer" "$certificates/$purpose.pem" &&
            ! ends_soon "$new/issuer" "$certificates/$purpose.pem"; then
            cp "$certificates/$purpose.pem" "$new/$purpose.pem"
        else
            wanted+=("$purpose")
        fi
    done
    if [ ${#wanted[@]} != 0 ]; then
        agent certificates "$new" "${wanted[@]}"
    fi
}

# check PURPOSE: its certificate is of what the bay trusts, and has its key.
check() {
    local purpose=$1 of_key of_certificate
    if ! is_issued_by "$new/ca.pem" "$new/$purpose.pem"; then
        say "the new certificate for $purpose is of another authority, or not valid"
        return 1
    fi
    of_key=$(openssl pkey -in "$certificates/$purpose.key" -pubout)
    of_certificate=$(openssl x509 -in "$new/$purpose.pem" -noout -pubkey)
    if [ "$of_certificate" != "$of_key" ]; then
        say "the new certificate for $purpose has another key"
        return 1
    fi
}

# any_ends_soon: of the node's certificates.
any_ends_soon() {
    local purpose
    for purpose in "${purposes[@]}"; do
        if ends_soon "$new/issuer" "$certificates/$purpose.pem"; then
            say "its certificate for $purpose ends soon"
            return 0
        fi
    done
    return 1
}

# trusts_others: not the authorities with which all services run, in whatever order.
trusts_others() {
    [ ! -e "$trusted" ] || ! python3 -c "import sys
texts = [open(name).read().split('-----BEGIN CERTIFICATE-----') for name in sys.argv[1:]]
one, other = ({part.strip() for part in text} for text in texts)
sys.exit(one != other)" "$trusted" "$new/ca.pem"
}

# take_keys: those that masters encrypt with, where the bay has any. Whoever uses them
# is restarted if they are others, unless it is for other authorities anyway.
take_keys() {
    if ! [ -e "$new/encryption-key" ]; then
        return 0
    fi
    if ! cmp -s "$new/encryption-key" "$encryption_key"; then
        say "the bay encrypts with other keys"
        rekeyed=yes
    fi
    mv "$new/encryption-key" "$encryption_key"
    /opt/magnum/keys_changed.sh
}

# tell SERVICE WHAT: of the certificates, of the authorities or the keys if they are others.
tell() {
    case $2 in
        certificates) systemctl reload-or-restart "$1" ;;
        authorities) [ "$others" = no ] || restart "$1" ;;
        keys) [ "$others" = yes ] || [ "$rekeyed" = no ] || restart "$1" ;;
    esac
}

# restart SERVICE: while its stand-in serves, if it has one.
restart() {
    local stand_in=$1-stand-in
    if ! systemctl cat "$stand_in" >/dev/null 2>&1; then
        systemctl restart "$1"
        return
    fi
    systemctl restart "$stand_in" || say "$stand_in does not start"
    systemctl restart "$1"
    systemctl stop "$stand_in"
}

# pids: of the services' programs, if all run.
pids() {
    local user
    for user in ${users[@]+"${users[@]%% *}"}; do
        systemctl is-active --quiet "$user" || return 1
        systemctl show --property=MainPID "$user"
    done
}

# all_stay: a program that ends at once is started again and again.
all_stay() {
    local before
    before=$(pids) || return 1
    sleep 10
    [ "$(pids)" = "$before" ]
}

if [ ${#purposes[@]} = 0 ]; then
    say "there is no key of a certificate"
    exit 1
fi
rm -rf "$new"
mkdir "$new"
agent authorities >"$new/ca.pem"
news=yes
if [ -s "$new/ca.pem" ]; then
    say "the bay trusts others"
else
    news=no
    cp "$certificates/ca.pem" "$new/ca.pem"
fi
# The first of them issues.
openssl x509 -in "$new/ca.pem" -out "$new/issuer"
if [ "$news" = no ] && ! any_ends_soon; then
    rm -rf "$new"
    exit 0
fi

prepare
for purpose in "${purposes[@]}"; do
    check "$purpose"
done
chmod 0644 "$new/ca.pem"
# What the bay trusts and its keys change together: these are of now, or yet newer.
if [ -s "$encryption_key" ]; then
    agent encryption >"$new/encryption-key"
fi
sync "$new"/*

# From here to the end nobody knows what the services trust. What they trust
# comes first: it suits the old certificates and the new ones.
others=no
if trusts_others; then
    others=yes
fi
rm -f "$trusted"
rekeyed=no
take_keys
mv "$new/ca.pem" "$certificates/ca.pem"
for purpose in "${purposes[@]}"; do
    mv "$new/$purpose.pem" "$certificates/$purpose.pem"
done
for user in ${users[@]+"${users[@]}"}; do
    tell "${user%% *}" "${user##* }"
done
wait_until 180 all_stay
cp "$certificates/ca.pem" "$new/trusted.pem"
chmod 0644 "$new/trusted.pem"
mv "$new/trusted.pem" "$trusted"
say "trusts what the bay trusts"

agent authorities >"$new/ca.pem"
if [ -s "$new/ca.pem" ]; then
    say "the bay trusts yet others; that is for the next round"
fi
rm -rf "$new"
