# What nodes download, checked by the digests that they were told; sourced, never run.
# roles: master worker
# shellcheck shell=bash disable=SC2154

architecture=$(dpkg --print-architecture)
protocols='=https'
if [ "$MAGNUM_INSECURE_DOWNLOADS" = true ]; then
    protocols='=https,http'
fi
# Archives are unpacked below it, by names and digests: what was there before stays.
unpacked=/usr/local/lib/magnum

# get URL CURL-ARGUMENT...
get() {
    curl --proto "$protocols" --proto-redir "$protocols" \
        --fail --silent --show-error --location --retry 5 "$@"
}

# digest_of PROGRAM RELEASE: empty if none was told.
digest_of() {
    local word
    for word in $MAGNUM_DIGESTS; do
        case $word in
            "$1/$2/$architecture:"* | "$1/$2:"*)
                echo "${word##*:}"
                return 0
                ;;
        esac
    done
}

# download PROGRAM RELEASE URL: into the file "$file".
download() {
    local digest
    digest=$(digest_of "$1" "$2")
    if [ -z "$digest" ]; then
        if [ "$MAGNUM_INSECURE_DOWNLOADS" != true ]; then
            say "no digest of $1 $2 for $architecture was given"
            exit "$hopeless"
        fi
        # Kubernetes has it beside the program, others nowhere.
        if [[ $1 == kube* ]]; then
            digest=$(get "$3.sha256")
        fi
    fi
    say "downloading $3"
    file=$(mktemp)
    get --output "$file" "$3"
    if [ -n "$digest" ] && ! echo "$digest  $file" | sha256sum --check --quiet; then
        say "$3 is not what it should be, with the digest $digest"
        rm -f "$file"
        return 1
    fi
}

# unpack NAME ARCHIVE PROGRAMS: into "$folder", which is empty if no archive is told; it
# is as "RELEASE URL DIGEST...".
# Its programs, a regular expression of find, are in /usr/local/bin, and those of an
# archive that was told before no longer.
unpack() {
    local release url digests
    read -r release url digests <<<"$2"
    MAGNUM_DIGESTS="$MAGNUM_DIGESTS $digests"
    folder=
    find /usr/local/bin -lname "$unpacked/$1/*" -delete
    if [ -z "$url" ]; then
        return 0
    fi
    folder=$unpacked/$1/$release-$(digest_of "$1" "$release")
    if [ ! -d "$folder" ]; then
        download "$1" "$release" "${url//'{architecture}'/$architecture}"
        rm -rf "$folder.new"
        mkdir -p "$folder.new"
        tar -xzf "$file" -C "$folder.new" --no-same-owner
        rm -f "$file"
        sync -f "$folder.new"
        mv "$folder.new" "$folder"
    fi
    find "$folder" -regex ".*/\($3\)" -type f -exec ln -sf -t /usr/local/bin {} +
}
