"""Removing a bay and everything that was made for it."""

from magnum.operations.steps.cleanup import (
    await_late_requests,
    await_stacks_gone,
    delete_certificates,
    delete_identity,
    delete_stacks,
    disarm_all_bootstrap,
    look_once_more,
)
from magnum.operations.steps.workload import remove_load_balancers, remove_volumes

START = (disarm_all_bootstrap, remove_load_balancers, delete_stacks)
FINISH = (
    await_late_requests,
    await_stacks_gone,
    look_once_more,
    remove_volumes,
    delete_identity,
    delete_certificates,
)
