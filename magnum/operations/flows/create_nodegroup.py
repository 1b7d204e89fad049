"""Building a further node group."""

from magnum.operations.steps.outputs import read_outputs
from magnum.operations.steps.secrets import arm_bootstrap, disarm_bootstrap
from magnum.operations.steps.stack import await_stack, create_nodegroup_stack

START = (arm_bootstrap, create_nodegroup_stack)
FINISH = (await_stack, disarm_bootstrap, read_outputs)
