"""The progress bar of an operation, on a terminal and nowhere else."""

import datetime
import shutil
import statistics
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TextIO

from osc_lib import exceptions as osc_exceptions

from osc_magnum import steps
from osc_magnum.service import BAYS, Document, Service

_CELLS: Final = 20
_ERASE: Final = '\r\x1b[K'
_READY: Final = 'ready'


class Bar:
    """One line, written over again and again.

    :ivar is_shown: whether it is on a terminal; else nothing is written.
    """

    def __init__(self, output: TextIO):
        self._output = output
        self.is_shown = output.isatty()

    def show(self, operation: Document, nodes: str, usual: float | None) -> None:
        """Show how far an operation is."""
        self.say(line(operation, nodes, usual, datetime.datetime.now(datetime.UTC)))

    def say(self, text: str) -> None:
        """Show a text in place of the last one."""
        if self.is_shown:
            width = shutil.get_terminal_size().columns - 1
            self._output.write(f'{_ERASE}{text[:width]}')
            self._output.flush()

    def clear(self) -> None:
        """Leave nothing behind."""
        self.say('')


class Nodes:
    """How many nodes of a bay have reported that they are ready.

    A service that cannot be asked goes without.
    """

    def __init__(self, service: Service):
        self._service = service
        self._is_known = True
        self._wanted = 0

    def text(self, operation: Document) -> str:
        """``nodes 2 of 3``; empty where that is not known."""
        if not self._is_known or operation['verb'] not in ('create', 'resize', 'upgrade'):
            return ''
        try:
            return self._counted(operation['bay_uuid'])
        except osc_exceptions.CommandError:
            self._is_known = False
            return ''

    def _counted(self, bay_uuid: str) -> str:
        if not self._wanted:
            bay = self._service.bay(bay_uuid)
            self._wanted = bay['node_count'] + bay['master_count']
        found = self._service.listed(f'{BAYS}/{bay_uuid}/nodes', 'nodes')
        return f'nodes {ready_nodes(found)} of {self._wanted}'


def ready_nodes(nodes: Iterable[Mapping[str, Any]]) -> int:
    """How many of these nodes have reported that they are ready."""
    return sum(node['state'] == _READY for node in nodes)


def usual_seconds(earlier: Collection[Document]) -> float | None:
    """The median of what earlier operations took."""
    taken = [
        (_time(operation['finished_at']) - _time(operation['started_at'])).total_seconds()
        for operation in earlier
        if operation['started_at'] and operation['finished_at']
    ]
    return statistics.median(taken) if taken else None


def line(operation: Document, nodes: str, usual: float | None, now: datetime.datetime) -> str:
    """The bar, and all that is known beside it.

    :param usual: seconds that such operations take.
    """
    percentage = operation['percentage']
    full = percentage * _CELLS // 100
    states = [step['state'] for step in operation['steps']]
    done = states.count('DONE')
    parts = [
        f'{operation["verb"]} {operation["bay_name"] or operation["bay_uuid"]}',
        f'[{"#" * full}{"-" * (_CELLS - full)}] {percentage:3}%',
        f'step {min(done + 1, len(states))} of {len(states)}: {_current(operation)}',
    ]
    if nodes:
        parts.append(nodes)
    parts.append(_times(operation, usual, now))
    return '  '.join(parts)


def _current(operation: Document) -> str:
    if operation['cancel_requested']:
        return 'stopping'
    return steps.first_in(operation, 'RUNNING', 'FAILED', 'PENDING') or 'ending'


def _times(operation: Document, usual: float | None, now: datetime.datetime) -> str:
    if operation['state'] == 'PENDING':
        return f'waits for its turn, number {operation["position"] or 1} at the bay'
    if not operation['started_at']:
        return 'waits for its turn'
    passed = (now - _time(operation['started_at'])).total_seconds()
    text = _duration(passed)
    if usual is not None and usual > passed:
        return f'{text}, about {_duration(usual - passed)} left'
    if operation['deadline']:
        left = (_time(operation['deadline']) - now).total_seconds()
        return f'{text}, at most {_duration(left)} left'
    return text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f'{minutes}:{rest:02}'


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
