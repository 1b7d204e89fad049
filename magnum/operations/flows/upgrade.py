"""Replacing a bay's nodes, one node group after the other."""

from magnum.operations.steps.outputs import read_outputs
from magnum.operations.steps.secrets import arm_bootstrap, disarm_bootstrap
from magnum.operations.steps.stack import await_stack, note_stack
from magnum.operations.steps.upgrade import (
    adopt_baymodel,
    check_upgrade,
    confirm_nodes,
    replace_nodes,
)

OPENING = (check_upgrade,)
START = (note_stack, arm_bootstrap, replace_nodes)
FINISH = (await_stack, disarm_bootstrap, read_outputs, confirm_nodes)
CLOSING = (adopt_baymodel,)
