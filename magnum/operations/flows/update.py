"""Changing the number of a bay's nodes."""

from magnum.operations.steps.secrets import arm_bootstrap, disarm_bootstrap
from magnum.operations.steps.stack import await_stack, change_stack, note_stack, read_outputs

START = (note_stack, arm_bootstrap, change_stack)
FINISH = (await_stack, disarm_bootstrap, read_outputs)
