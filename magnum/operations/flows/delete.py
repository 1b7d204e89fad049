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

START = (disarm_all_bootstrap, delete_stacks)
FINISH = (
    await_late_requests,
    await_stacks_gone,
    look_once_more,
    delete_identity,
    delete_certificates,
)
