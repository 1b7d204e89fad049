#!/bin/bash
# Let the pods of nodes run elsewhere: they get no new ones, and those that they
# have are evicted, as budgets of disruption allow.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

# Up to 1.19 the option was called otherwise.
volumes=--delete-emptydir-data
help=$(kubectl drain --help)
if [[ $help != *"$volumes"* ]]; then
    volumes=--delete-local-data
fi

listed=$(kubectl get nodes --output 'jsonpath={range .items[*]}{.metadata.name} '\
'{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
declare -A ready=()
while read -r name status; do
    [ -z "$name" ] || ready[$name]=${status:-Unknown}
done < <(printf '%s\n' "$listed")

there=()
names=()
for name in $MAGNUM_NODES; do
    if [ -z "${ready[$name]:-}" ]; then
        say "$name is not in the cluster"
        continue
    fi
    there+=("$name")
    if [ "${ready[$name]}" = True ]; then
        names+=("$name")
    else
        say "$name is not ready: nobody there would end its pods"
    fi
done
[ ${#there[@]} = 0 ] || kubectl cordon "${there[@]}"

# A few at once, as each is a program on this master; all together have the time.
at_once=10
pids=()
for name in ${names[@]+"${names[@]}"}; do
    while [ "$(jobs -rp | wc -l)" -ge $at_once ]; do
        sleep 0.5
    done
    left=$((MAGNUM_SECONDS - SECONDS))
    kubectl drain "$name" --ignore-daemonsets --force "$volumes" \
        --timeout="$((left > 1 ? left : 1))s" &
    pids+=("$!")
done
failed=0
for pid in ${pids[@]+"${pids[@]}"}; do
    wait "$pid" || failed=1
done
if [ "$failed" = 1 ]; then
    for name in "${names[@]}"; do
        say "pods left on $name:"
        kubectl get pods --all-namespaces --no-headers --field-selector "spec.nodeName=$name"
    done
fi
exit "$failed"
