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

# readiness OPTION...: each node of the cluster, and whether it is ready.
readiness() {
    kubectl get nodes --output 'jsonpath={range .items[*]}{.metadata.name} '\
'{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' "$@"
}

listed=$(readiness)
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

declare -A pids=() missed=() lost=()

# let_go: wait no more for nodes that are not ready any more, whenever that is asked: it takes
# Kubernetes some time to see that a node is lost. Twice in a row, as kubelets restart.
let_go() {
    local name status
    while read -r name status; do
        if [ -z "$name" ] || [ -z "${pids[$name]:-}" ] || [ -n "${lost[$name]:-}" ]; then
            continue
        fi
        if [ "$status" = True ]; then
            missed[$name]=
        elif [ -z "${missed[$name]:-}" ]; then
            missed[$name]=yes
        elif kill "${pids[$name]}" 2>/dev/null; then
            lost[$name]=yes
            say "$name is not ready any more: nobody there would end its pods"
        fi
    done < <(readiness --request-timeout=5s)
}

# await_fewer COUNT: wait until so many nodes are not being drained any more.
await_fewer() {
    local looked=$SECONDS
    while [ "$(jobs -rp | wc -l)" -ge "$1" ]; do
        sleep 0.5
        if ((SECONDS - looked >= 5)); then
            let_go
            looked=$SECONDS
        fi
    done
}

# A few at once, as each is a program on this master; all together have the time.
for name in ${names[@]+"${names[@]}"}; do
    await_fewer 10
    left=$((MAGNUM_SECONDS - SECONDS))
    kubectl drain "$name" --ignore-daemonsets --force "$volumes" \
        --timeout="$((left > 1 ? left : 1))s" &
    pids[$name]=$!
done
await_fewer 1
failed=0
for name in ${names[@]+"${names[@]}"}; do
    wait "${pids[$name]}" || [ -n "${lost[$name]:-}" ] || failed=1
done
if [ "$failed" = 1 ]; then
    for name in "${names[@]}"; do
        [ -z "${lost[$name]:-}" ] || continue
        say "pods left on $name:"
        kubectl get pods --all-namespaces --no-headers --field-selector "spec.nodeName=$name"
    done
fi
exit "$failed"
