"""Building a bay."""

from magnum.operations.steps.cleanup import remove_remains
from magnum.operations.steps.identity import ensure_identity
from magnum.operations.steps.outputs import read_outputs
from magnum.operations.steps.secrets import arm_bootstrap, disarm_bootstrap, ensure_authority
from magnum.operations.steps.stack import await_stack, create_stack

AGAIN = (remove_remains,)
START = (ensure_identity, ensure_authority, arm_bootstrap, create_stack)
FINISH = (await_stack, disarm_bootstrap, read_outputs)
