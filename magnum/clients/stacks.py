"""Heat, as the caller: outputs of stacks."""

from typing import Any, Final

from magnum.clients.callers import CallerCloud

SERVICE: Final = 'orchestration'


def output(cloud: CallerCloud, stack_name: str, stack_id: str, name: str) -> Any:
    """The value of one output of a stack; None when it has no value.

    :raises CloudError: Heat refused, or did not answer.
    """
    path = f'/stacks/{stack_name}/{stack_id}/outputs/{name}'
    return cloud.get(SERVICE, 'get_output', path)['output'].get('output_value')
