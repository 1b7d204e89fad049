#!/bin/bash
# Let the pods of nodes run elsewhere: they get no new ones, and those that they
# have are evicted, as budgets of disruption allow.
# roles: master
set -euo pipefail
# shellcheck source=../../../common/node/lib.sh
. /opt/magnum/lib.sh
export KUBECONFIG=/etc/kubernetes/admin.conf

# ready NAME: does its kubelet report?
ready() {
    [ "$(kubectl get node "$1" --output \
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# Up to 1.19 the option was called otherwise.
volumes=--delete-emptydir-data
help=$(kubectl drain --help)
if [[ $help != *"$volumes"* ]]; then
    volumes=--delete-local-data
fi

names=()
for name in $MAGNUM_NODES; do
    if [ -z "$(kubectl get node "$name" --ignore-not-found --output name)" ]; then
        say "$name is not in the cluster"
        continue
    fi
    kubectl cordon "$name"
    if ready "$name"; then
        names+=("$name")
    else
        say "$name is not ready: nobody there would end its pods"
    fi
done

# All at once: one that cannot be emptied takes no time from the others.
pids=()
for name in ${names[@]+"${names[@]}"}; do
    kubectl drain "$name" --ignore-daemonsets --force "$volumes" \
        --timeout="${MAGNUM_SECONDS}s" &
    pids+=("$!")
done
failed=0
for index in "${!pids[@]}"; do
    wait "${pids[index]}" || failed=1
done
if [ "$failed" = 1 ]; then
    for name in "${names[@]}"; do
        say "pods left on $name:"
        kubectl get pods --all-namespaces --no-headers --field-selector "spec.nodeName=$name"
    done
fi
exit "$failed"
