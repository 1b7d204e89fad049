"""Removing a further node group."""

from magnum.operations.steps.cleanup import (
    await_late_requests,
    await_stacks_gone,
    delete_stacks,
    look_once_more,
)

START = (delete_stacks,)
FINISH = (await_late_requests, await_stacks_gone, look_once_more)
