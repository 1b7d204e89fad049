"""Load of the nodes' channel: ``python -m tools.bench.channel``, after ``setup.sh``.

Simulated nodes with keys of their own report to one API process, as the agent does,
while users ask and one conductor watches; over the benchmark's own database, on
loopback. First what one report costs, one by one; then the load of all nodes; then
all nodes, and the API, restarted at once. README.md says how to read it.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import math
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tools.bench import processes, reporters, settings, tables
from tools.bench.__main__ import cloud
from tools.bench.contenders import Ours
from tools.bench.processes import Service
from tools.bench.reporters import Reporter
from tools.common import command
from tools.common.errors import ToolError

#: Most that it may be.
COST_BAR_MS: Final = 1.0
P99_BAR_MS: Final = 100.0
SLOWEST_BAR: Final = 2.0    # seconds of a request when all come at once

_ANSWER_LIMIT: Final = 30.0     # as the agent's
_ONE_BY_ONE: Final = 500
_WINDOW: Final = 10     # seconds
#: As the agent: seconds that first reports are spread over, and of its backoff.
_SPREAD: Final = 30.0
_FIRST_PAUSE: Final = 5.0
_LAST_PAUSE: Final = 300.0
_AWAY: Final = 10.0     # seconds for which no API runs
_SETTLE: Final = 5.0    # seconds in which what was told last is reported
_SEEN: Final = 60.0     # seconds in which the watcher has seen everything
_FAILING: Final = {'status': 'False', 'reason': 'Full', 'message': '/var has 2 % left'}
_CONDITION: Final = 'Disk'


@dataclasses.dataclass
class Times:
    """How long requests of a kind took, in seconds; and how many were not answered well.

    ``ended`` is when each was answered, by a monotonic clock.
    """

    seconds: list[float] = dataclasses.field(default_factory=list)
    ended: list[float] = dataclasses.field(default_factory=list)
    failed: int = 0

    def rank(self, part: float) -> float:
        """The nearest rank, in ms."""
        ordered = sorted(self.seconds) or [math.nan]
        return 1e3 * ordered[max(0, math.ceil(part * len(ordered)) - 1)]

    def windows(self) -> 'list[Times]':
        """Those of every ten seconds."""
        found: dict[float, Times] = {}
        for seconds, ended in zip(self.seconds, self.ended, strict=True):
            found.setdefault(ended // _WINDOW, Times()).seconds.append(seconds)
        return [found[number] for number in sorted(found)]

    def __str__(self) -> str:
        return (
            f'{len(self.seconds):7} answers, {self.failed} failed, ms: '
            f'median {self.rank(0.5):.1f}, p99 {self.rank(0.99):.1f}, slowest {self.rank(1):.0f}'
        )


class Node:
    """One node while it runs: reports when it is due, as often as the answers say."""

    def __init__(self, reporter: Reporter):
        self.reporter = reporter
        self.said: dict[str, Any] = {}
        self._news = asyncio.Event()
        self._failures = 0

    def say(self, **said: Any) -> None:
        """Conditions from now on, reported at once."""
        self.said = said
        self._news.set()

    async def run(self, first: float, times: Times) -> None:
        """Report until it is cancelled.

        :param first: seconds until the first report.
        """
        pause = first
        while True:
            # Not wait_for, which may lose a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()
            self._news.clear()
            pause = await self._report(times)

    async def _report(self, times: Times) -> float:
        body, headers = self.reporter.report(**self.said)
        answer = await _timed('POST', self.reporter.path, headers, body, times)
        if answer is not None:
            self._failures = 0
            return float(answer['next'])
        self._failures += 1
        longest: float = min(_LAST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures - 1, 10))
        return longest * random.uniform(0.5, 1)


async def _timed(
    method: str, path: str, headers: Mapping[str, str], body: bytes, times: Times
) -> Any:
    """The document of an answer; None for one that is no 200."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_ANSWER_LIMIT):
            status, document = await _exchange(method, path, headers, body)
    except (OSError, EOFError, ValueError, TimeoutError):
        times.failed += 1
        return None
    times.ended.append(time.monotonic())
    times.seconds.append(times.ended[-1] - began)
    if status == 200:
        return document
    times.failed += 1
    return None


async def _exchange(
    method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Any]:
    reader, writer = await asyncio.open_connection(settings.HOST, settings.OUR_PORT)
    try:
        lines = [f'{method} {path} HTTP/1.1', f'Host: {settings.HOST}', 'Connection: close',
                 f'Content-Length: {len(body)}']
        lines += [f'{name}: {value}' for name, value in headers.items()]
        writer.write('\r\n'.join([*lines, '', '']).encode() + body)
        head, _, content = (await reader.read()).partition(b'\r\n\r\n')
    finally:
        writer.close()
    if not content:
        raise EOFError('no answer')
    return int(head.split(b' ', 2)[1]), json.loads(content)


class Installed(Ours):
    """With as many threads as the sample of uWSGI's configuration has."""

    threads = 10


class Load:
    """All nodes and the users, at one API."""

    def __init__(self, nodes: Sequence[Node], user_paths: Sequence[str], user_rate: float):
        self.nodes = nodes
        self._user_paths = user_paths
        self._user_rate = user_rate
        #: Condition changes that were told, in order, by node.
        self.told: dict[str, list[str]] = {}

    async def steady(
        self, seconds: float, change_rate: float, spread: float
    ) -> Mapping[str, Times]:
        """All nodes report for so long, users ask, and conditions change.

        :param change_rate: conditions that change in a second.
        :param spread: seconds that the first reports come in.
        """
        times = {'reports': Times(), 'users': Times()}
        tasks = [
            asyncio.create_task(node.run(random.uniform(0, spread), times['reports']))
            for node in self.nodes
        ]
        tasks.append(asyncio.create_task(self._users(times['users'])))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds - _SETTLE):
                await (self._changes(change_rate) if change_rate else asyncio.sleep(seconds))
        # What was told last is being reported.
        await asyncio.sleep(_SETTLE)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        return times

    async def _users(self, times: Times) -> None:
        await _every(1 / self._user_rate, lambda number: _timed(
            'GET', self._user_paths[number % len(self._user_paths)],
            Ours().headers, b'', times,
        ))

    async def _changes(self, rate: float) -> None:
        async def change(_number: int) -> None:
            node = random.choice(self.nodes)
            told = self.told.setdefault(node.reporter.name, [])
            if node.said:
                node.say()
            else:
                node.say(**{_CONDITION: _FAILING})
            told.append(f'{_CONDITION} is {"False" if node.said else "True again"}')

        await _every(1 / rate, change)


async def _every(seconds: float, do: Callable[[int], Awaitable[Any]]) -> None:
    """Begin something at equal distances, whether or not the last one has ended."""
    under_way: set[asyncio.Future[Any]] = set()
    due = time.monotonic()
    number = 0
    try:
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task: asyncio.Future[Any] = asyncio.ensure_future(do(number))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += seconds
            number += 1
    finally:
        for task in under_way:
            task.cancel()


@dataclasses.dataclass
class Run:
    """What is measured around a phase: processor time, and what the database did."""

    contender: Ours
    services: Mapping[str, Service]
    def tell(self, text: str) -> None:
        """Print a line now."""
        print(f'{time.strftime("%H:%M:%S")} {text}', flush=True)

    def bar(self, measure: str, value: float, most: float) -> None:
        """Print a value with its bar, and whether that is met."""
        if math.isnan(value):
            self.tell(f'{measure}: nothing was measured')
            return
        verdict = 'met' if value <= most else 'MISSED'
        self.tell(f'{measure} {value:.2f}, at most {most:g}: {verdict}')

    def tell_growth(self, before: Mapping[str, tables.Size]) -> None:
        """Print what tables have grown by."""
        for name, change in tables.growth(before, tables.sizes(self.contender)).items():
            self.tell(f'steady: growth of {name}: {change.rows} rows, {change.bytes} bytes')

    @contextlib.contextmanager
    def measured(self, what: str, per: Callable[[], int]) -> Iterator[None]:
        """Tell what processes and the database took for a phase.

        :param per: how many reports there were, asked for in the end.
        """
        cpu = {name: service.cpu_seconds() for name, service in self.services.items()}
        done = tables.counters(self.contender)
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        count = per() or 1
        for name, service in self.services.items():
            used = service.cpu_seconds() - cpu[name]
            self.tell(f'{what}: {name} {100 * used / seconds:.1f} % of a processor, '
                      f'{1e3 * used / count:.3f} ms for each report')
        now = tables.counters(self.contender)
        self.tell(f'{what}: database, in a second: ' + ', '.join(
            f'{(now[name] - done[name]) / seconds:.1f} {name}' for name in now
        ))


async def one_by_one(nodes: Sequence[Reporter], service: Service, run: Run) -> None:
    """What a report costs the API: one that says nothing new, and one that is written."""
    chosen = nodes[:_ONE_BY_ONE]
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        'first': lambda number: {},
        'nothing new': lambda number: {},
        'written': lambda number: {_CONDITION: {**_FAILING, 'status': 'True', 'reason': 'Well'}},
    }
    for kind, said in kinds.items():
        times = Times()
        before = service.cpu_seconds()
        for number, reporter in enumerate(chosen):
            body, headers = reporter.report(**said(number))
            await _timed('POST', reporter.path, headers, body, times)
        if times.failed:
            raise ToolError(f'{times.failed} reports failed: {service.process.log}')
        cost = 1e3 * (service.cpu_seconds() - before) / len(chosen)
        run.bar(f'report, {kind}: CPU ms of the API', cost, COST_BAR_MS)


def lost(told: Mapping[str, Sequence[str]], messages: Iterable[str]) -> list[str]:
    """Nodes whose changes are not the events of theirs, in order.

    :param messages: ``node <name>: <condition> is <status>: <message>``.
    """
    seen: dict[str, list[str]] = {}
    for message in messages:
        name, words = message.removeprefix('node ').split(': ', 2)[:2]
        seen.setdefault(name, []).append(words)
    return [name for name, changes in told.items() if seen.get(name, []) != list(changes)]


def _messages(contender: Ours) -> list[str]:
    with contender.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT message FROM event WHERE kind = 'bay.node.condition' ORDER BY id")
        return [message for message, in cursor.fetchall()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='channel', description=__doc__)
    parser.add_argument('--bays', type=int, default=2000, help='of five nodes each')
    parser.add_argument('--seconds', type=float, default=600, help='of steady load')
    parser.add_argument('--restart-seconds', type=float, default=60, help='after each restart')
    parser.add_argument('--users', type=float, default=20, help='requests of users in a second')
    parser.add_argument('--changes', type=float, default=1,
                        help='conditions of nodes that change in a second')
    return parser


def _run() -> int:
    arguments = _parser().parse_args()
    contender = Installed()
    contender.wipe()
    with cloud({}):
        seeded, known = reporters.seed(contender, arguments.bays)
        paths = [f'{contender.bays}?limit=100', f'{contender.bays}/{seeded.bays[0]}']
        asyncio.run(_measure(arguments, contender, known, paths))
    return 0


async def _measure(
    arguments: argparse.Namespace, contender: Ours, known: Sequence[Reporter],
    paths: Sequence[str],
) -> None:
    load = Load([Node(one) for one in known], paths, arguments.users)
    with contextlib.ExitStack() as stack:
        api = contextlib.ExitStack()
        service, _ = api.enter_context(processes.api(contender))
        stack.push(api)
        run = Run(contender, {'api': service})
        await one_by_one(known, service, run)
        conductor = stack.enter_context(processes.conductor(contender))
        run.services = {'api': service, 'conductor': conductor}

        await _phase(run, load, 'restart of all nodes', arguments.restart_seconds, 0, _SPREAD)
        before = tables.sizes(contender)
        await _phase(
            run, load, 'steady', arguments.seconds, arguments.changes,
            72,     # as the answers before have spread them: 60 s, and 20 % more
        )
        missing = lost(load.told, _messages(contender))
        give_up = time.monotonic() + _SEEN
        while missing and time.monotonic() < give_up:
            await asyncio.sleep(1)
            missing = lost(load.told, _messages(contender))
        changes = sum(map(len, load.told.values()))
        run.tell(f'steady: {changes} conditions changed, on {len(load.told)} nodes')
        run.bar('steady: nodes whose changes are not their events', len(missing), 0)
        run.tell_growth(before)

        tasks = asyncio.create_task(
            load.steady(_AWAY + arguments.restart_seconds, 0, 72)
        )
        await asyncio.sleep(1)
        api.close()
        await asyncio.sleep(_AWAY)
        service, _ = api.enter_context(processes.api(contender))
        times = await tasks
        run.tell(f'restart of the API: reports {times["reports"]}')
        run.tell(f'restart of the API: users   {times["users"]}')
        run.bar('restart of the API: slowest request, s',
                max(kind.rank(1) for kind in times.values()) / 1e3, SLOWEST_BAR)


async def _phase(
    run: Run, load: Load, name: str, seconds: float, changes: float, spread: float
) -> None:
    times: Mapping[str, Times] = {}
    with run.measured(name, lambda: len(times['reports'].seconds)):
        times = await load.steady(seconds, changes, spread)
    for kind, some in times.items():
        run.tell(f'{name}: {kind:7} {some}')
        run.bar(f'{name}: {kind}, p99 ms', some.rank(0.99), P99_BAR_MS)
        windows = [window.rank(0.99) for window in some.windows()]
        within = sum(p99 <= P99_BAR_MS for p99 in windows)
        run.tell(f'{name}: {kind}, p99 ms is at most {P99_BAR_MS:g} in {within} of {len(windows)} '
                 f'windows of {_WINDOW} s: ' + ' '.join(f'{p99:.0f}' for p99 in windows))
        run.bar(f'{name}: {kind}, slowest, s', some.rank(1) / 1e3, SLOWEST_BAR)
        run.bar(f'{name}: {kind}, failed', some.failed, 0)
    rate = len(times['reports'].seconds) / seconds
    run.tell(f'{name}: {rate:.0f} reports in a second')


if __name__ == '__main__':
    sys.exit(command.run('channel', _run))
