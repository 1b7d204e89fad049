"""Changing the number of a node group's nodes."""

from magnum.operations.steps.outputs import read_outputs
from magnum.operations.steps.secrets import arm_bootstrap, disarm_bootstrap
from magnum.operations.steps.stack import await_stack, change_stack, note_stack

START = (note_stack, arm_bootstrap, change_stack)
FINISH = (await_stack, disarm_bootstrap, read_outputs)
