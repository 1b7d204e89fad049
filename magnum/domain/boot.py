"""What users are told of nodes that boot or are upgraded: progress, failure, silence."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from magnum.domain.failures import NODE_FAILED, NODE_SILENT, Failure

SERVER: Final = 'OS::Nova::Server'
_TOLD: Final = 700      # characters of the last lines
_NAMED: Final = 3       # nodes in a line


class Step(Protocol):
    """The step of the boot that a node reports."""

    @property
    def step(self) -> str | None: ...  # noqa: D102
    @property
    def position(self) -> int | None: ...  # noqa: D102
    @property
    def steps(self) -> int | None: ...  # noqa: D102


class Said(Step, Protocol):
    """A report of a node, or the row of one."""

    @property
    def lines(self) -> Sequence[str] | None: ...  # noqa: D102


class Heard(Step, Protocol):
    """The row of a node."""

    @property
    def heard_at(self) -> datetime.datetime | None: ...  # noqa: D102


def failed(name: str, said: Said) -> Failure:
    """The failure of an operation because of a node that says that it failed."""
    where = (f'The step {said.step} failed' if said.step else 'It failed') + _place(said)
    return Failure(NODE_FAILED, _with_lines(where, said.lines), name, SERVER)


def not_upgraded(name: str, lines: Sequence[str] | None) -> Failure:
    """The failure of an upgrade because of a master that says that it is not upgraded."""
    what = 'The master was not upgraded, nor were those after it'
    return Failure(NODE_FAILED, _with_lines(what, lines), name, SERVER)


def not_to_be_upgraded(refusals: Mapping[str, Sequence[str] | None]) -> Failure:
    """The failure of an upgrade because of masters that refuse it: their lines, by name."""
    first, *others = refusals
    lines = [
        *(refusals[first] or ()),
        *(f'{name}: {line}' for name in others for line in refusals[name] or ()),
    ]
    what = 'The master refuses, and this upgrade changed nothing'
    return Failure(NODE_FAILED, _with_lines(what, lines), first, SERVER)


def _with_lines(what: str, lines: Sequence[str] | None) -> str:
    told = ' | '.join(line for line in lines or () if line)
    if len(told) > _TOLD:
        told = f'... {told[-_TOLD:]}'
    return f'{what}: {told}' if told else f'{what}.'


def silent(name: str, node: Heard | None, others: int, waited: datetime.timedelta) -> Failure:
    """The failure of an operation because of a node that is not ready in its time.

    :param node: its row; None if it never registered.
    :param others: how many more nodes are not ready.
    """
    reason = f'It is not ready after {max(1, round(waited.total_seconds() / 60))} minutes: '
    if node is None:
        reason += 'it never registered, so it did not boot or does not reach the service.'
    elif node.heard_at is None:
        reason += 'it registered and never reported.'
    else:
        reason += (
            f'it was last heard of at {node.heard_at:%Y-%m-%d %H:%M:%S} UTC, {where(node)}.'
        )
    if others:
        reason += f' So are {others} more.' if others > 1 else ' So is one more.'
    return Failure(NODE_SILENT, reason, name, SERVER)


def progress(total: int, waiting: Sequence[tuple[str, Step | None]]) -> str:
    """How many nodes are ready, and where the next ones are.

    :param waiting: those that are not, by name; without a row when not registered yet.
    """
    at = [f'{name}: {where(node) if node else "not heard of yet"}' for name, node in waiting]
    shown = '; '.join(at[:_NAMED]) + ('; ...' if len(at) > _NAMED else '')
    return f'{total - len(waiting)} of {total} nodes are ready. {shown}'


def where(node: Step) -> str:
    """The step in which a node is."""
    if not node.step:
        return 'registered'
    return f'in the step {node.step}{_place(node)}'


def _place(node: Step) -> str:
    return f' ({node.position} of {node.steps})' if node.position and node.steps else ''
