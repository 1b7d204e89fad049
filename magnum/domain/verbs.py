"""Steps of each verb: their names, in order, as data.

A verb's ``start`` goes up to the moment when Heat works by itself; ``finish``
follows when the stack has moved, or the deadline has passed, as often as
needed. A verb without ``finish`` is done at the end of its ``start``.

An operation in rounds (:mod:`magnum.domain.rounds`) goes through both for
each node group, and a step's name ends with that of the node group: once for
each batch of its nodes, and ``completion`` follows the last batch. ``opening``
settles what the rounds are about, ``closing`` follows the last.

The functions of these names are in :mod:`magnum.operations.flows`.
"""

import dataclasses
from typing import Final

from magnum.domain import rounds, states
from magnum.domain.parameters import Parameters

Names = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Steps:
    """Names of a verb's steps.

    :ivar again: what comes first when a failed operation is tried again.
    """

    start: Names
    finish: Names = ()
    completion: Names = ()
    opening: Names = ()
    closing: Names = ()
    again: Names = ()

    @property
    def has_rounds(self) -> bool:
        """Whether it goes over node groups one by one."""
        return bool(self.opening)


STEPS: Final[dict[str, Steps]] = {
    states.CREATE: Steps(
        again=('remove_remains',),
        start=(
            'ensure_identity', 'ensure_authority', 'ensure_cloud_credential', 'arm_bootstrap',
            'create_stack',
        ),
        finish=('await_stack', 'await_nodes', 'disarm_bootstrap', 'read_outputs'),
    ),
    states.RESIZE: Steps(
        start=('drain_nodes', 'note_stack', 'arm_bootstrap', 'change_stack'),
        finish=(
            'await_stack', 'await_nodes', 'disarm_bootstrap', 'remove_nodes', 'read_outputs',
        ),
    ),
    states.RESIZE_MASTERS: Steps(
        opening=('choose_masters',),
        start=(
            'check_masters', 'drain_masters', 'retire_masters', 'note_stack', 'arm_bootstrap',
            'change_masters',
        ),
        finish=('await_stack', 'await_nodes'),
        completion=('disarm_bootstrap', 'read_outputs'),
        closing=('tell_masters',),
    ),
    states.CREATE_NODEGROUP: Steps(
        start=('arm_bootstrap', 'create_nodegroup_stack'),
        finish=('await_stack', 'await_nodes', 'disarm_bootstrap', 'read_outputs'),
    ),
    states.DELETE_NODEGROUP: Steps(
        start=('drain_nodes', 'delete_stacks'),
        finish=('await_late_requests', 'await_stacks_gone', 'look_once_more', 'remove_nodes'),
    ),
    states.UPGRADE: Steps(
        opening=('check_upgrade', 'upgrade_masters', 'choose_nodegroups'),
        start=(
            'choose_nodes', 'drain_nodes', 'remove_nodes', 'note_stack', 'arm_bootstrap',
            'replace_nodes',
        ),
        finish=('await_stack', 'await_nodes'),
        completion=('disarm_bootstrap', 'read_outputs', 'confirm_nodes'),
        closing=('adopt_baymodel',),
    ),
    states.ROTATE_CREDENTIAL: Steps(
        start=(
            'add_password', 'change_password', 'prove_password', 'drop_old_password',
            'add_cloud_credential', 'await_masters', 'drop_old_cloud_credential',
        ),
    ),
    states.ROTATE_CA: Steps(
        start=(
            'expect_nodes',
            'introduce_authority',
            'await_introduction',
            'switch_authority',
            'await_switch',
            'rewrite_secrets',
            'retire_authority',
            'await_retirement',
        ),
    ),
    states.DELETE: Steps(
        start=(
            'disarm_all_bootstrap', 'revoke_cloud_credential', 'remove_load_balancers',
            'delete_stacks',
        ),
        finish=(
            'await_late_requests',
            'await_stacks_gone',
            'look_once_more',
            'remove_volumes',
            'delete_identity',
            'delete_certificates',
        ),
    ),
}


def step_names(verb: str, parameters: Parameters) -> list[str]:
    """Every step of an operation, in order, as users see them.

    Of one whose rounds are not settled yet, the steps of one round.
    """
    steps = STEPS[verb]
    middle = [
        name
        for ending in rounds.names(parameters) or ['']
        for name in _ended(steps.start + steps.finish + steps.completion, ending)
    ]
    return [*_opening(steps, parameters), *middle, *steps.closing]


def phase_step_names(verb: str, phase: str, parameters: Parameters) -> list[str]:
    """The steps that a worker runs in a row."""
    steps = STEPS[verb]
    ending = rounds.current_name(parameters)
    if phase == states.START:
        opening = _opening(steps, parameters)
        if steps.has_rounds and not rounds.has_begun(parameters):
            return opening
        return opening + _ended(steps.start, ending)
    if rounds.has_more(parameters):
        return _ended(steps.finish, ending)
    closing = steps.closing if rounds.is_last(parameters) else ()
    return [*_ended(steps.finish + steps.completion, ending), *closing]


def batch_step_names(verb: str, parameters: Parameters) -> list[str]:
    """The steps that each batch of a round's nodes goes through."""
    steps = STEPS[verb]
    return _ended(steps.start + steps.finish, rounds.current_name(parameters))


def with_ending(name: str, parameters: Parameters) -> str:
    """The name of an operation's step in the round that goes on, of that in the table."""
    return _ended((name,), rounds.current_name(parameters))[0]


def without_ending(name: str) -> str:
    """A step's name in the table, of that of an operation's step."""
    return name.partition('.')[0]


def _opening(steps: Steps, parameters: Parameters) -> list[str]:
    again = steps.again if parameters.is_retry else ()
    return [*again, *steps.opening]


def _ended(names: Names, ending: str) -> list[str]:
    return [f'{name}.{ending}' if ending else name for name in names]
