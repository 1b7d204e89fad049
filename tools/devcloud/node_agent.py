#!/usr/bin/env python3
"""Play the nodes of bays in the development cloud, whose servers boot nothing.

Looks for servers that Nova calls ACTIVE and whose user data is that of a
bay's node, does for each what the node would do (registration, then its
report), and logs a line about it. Nodes that came up go on to report, to do what
they are told, and to ask which authorities their bay trusts. Run it with the
project's interpreter::

    tools/devcloud/node_agent.py --once | --forever

State is kept in ``<state of the cloud>/node-agent``: ``behaviour.json`` says
which nodes misbehave (see node_agent_behaviour.py; node_agent_claim.py says how
real machines keep the agent off nodes), ``booted/`` has a file for
every server that was played, so that none boots twice, ``nodes/`` a folder for
each, which is the root of its disk. ``pid`` is the process.
"""

import argparse
import concurrent.futures
import contextlib
import fcntl
import logging
import math
import os
import pathlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from keystoneauth1.exceptions import ClientException, NotFound

if __name__ == '__main__':
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from magnum.drivers.common.node.agent.channel import Away, Gone, Refused
from tools.devcloud import node_agent_behaviour as behaviour
from tools.devcloud import node_agent_claim as claim
from tools.devcloud import node_agent_trust as trust
from tools.devcloud import settings
from tools.devcloud.node_agent_boot import Node, StepFailed, read_settings
from tools.devcloud.node_agent_cloud import Nova, Server

LOG = logging.getLogger('node-agent')

STATE = settings.STATE / 'node-agent'
_PARALLEL = 32
_INTERVAL = 2.0  # seconds
_SILENCE = 5.0  # seconds until a silent node is asked again what it is to do


class Cloud(Protocol):
    """What of :class:`Nova` the agent uses."""

    def active_servers(self) -> set[str]:
        """Ids of the servers that run."""

    def server(self, server_id: str) -> Server:
        """One server, or NotFound."""


class _Living:
    """A node that has booted, and when it does something next (monotonic seconds).

    :ivar is_gone: its bay is, and it does nothing any more.
    """

    def __init__(self, node: Node):
        self.node = node
        self.is_gone = False
        self.report = time.monotonic()
        self.round = self.report + _until_round(node)

    def is_due(self) -> bool:
        """Whether it has something to do."""
        is_time = min(self.report, self.round) <= time.monotonic()
        return not self.is_gone and (is_time or self.node.reporter.has_news())


class Agent:
    """Finds new servers and plays them, each in a thread, and what they do later.

    :param state: the directory of its files.
    :param stopping: makes nodes end early when set.
    :param bootstrap: nodes that are told another bootstrap endpoint are left
        alone.
    """

    def __init__(
        self,
        cloud: Cloud,
        state: pathlib.Path,
        stopping: threading.Event,
        parallel: int = _PARALLEL,
        bootstrap: str = '',
    ):
        self._cloud = cloud
        self._bootstrap = bootstrap
        self._behaviour_file = state / 'behaviour.json'
        self._claim_file = state.parent / claim.FILE
        self._booted = state / 'booted'
        self._booted.mkdir(parents=True, exist_ok=True)
        self._roots = state / 'nodes'
        self._stopping = stopping
        self._pool = concurrent.futures.ThreadPoolExecutor(parallel, 'node')
        # One thing at a time for a server: it boots, or has its turn.
        self._running: dict[str, concurrent.futures.Future[None]] = {}
        # None of those that did not come so far that they could report.
        self._living: dict[str, _Living | None] = {}

    def poll(self) -> None:
        """Start servers that are new and what is due, forget what is gone.

        :raises ClientException: the cloud does not answer.
        """
        active = self._cloud.active_servers()
        self._running = {
            server_id: future for server_id, future in self._running.items() if not future.done()
        }
        booted = {path.name for path in self._booted.iterdir()}
        for server_id in booted - active - self._running.keys():
            (self._booted / server_id).unlink()
            self._living.pop(server_id, None)
            shutil.rmtree(self._roots / server_id, ignore_errors=True)
        for server_id in active - booted - self._running.keys():
            self._running[server_id] = self._pool.submit(self._play, server_id)
        for server_id in (booted & active) - self._running.keys():
            if server_id not in self._living:
                self._living[server_id] = self._load(server_id)
            living = self._living[server_id]
            if living is not None and living.is_due():
                self._running[server_id] = self._pool.submit(self._take_turn, living)

    def finish(self) -> None:
        """Wait for the nodes that were started."""
        self._pool.shutdown(wait=True)

    def _load(self, server_id: str) -> _Living | None:
        """A node as it is on its disk."""
        try:
            node = Node(self._roots / server_id, self._stopping)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError) as error:
            LOG.error('%s cannot be understood: %s', self._roots / server_id, error)
            return None
        return _Living(node) if node.is_registered() else None

    def _take_turn(self, living: _Living) -> None:
        """What is due of a node: a report, a round; logs instead of raising."""
        node = living.node
        try:
            if self._stopping.is_set():
                return
            told = behaviour.of_node(self._behaviour_file, node.name)
            if told.kind == behaviour.SILENT:
                living.report = time.monotonic() + _SILENCE
                living.round = time.monotonic() + _until_round(node)
                return
            if living.report <= time.monotonic() or node.reporter.has_news():
                living.report = time.monotonic() + node.reporter.turn()
            if living.round <= time.monotonic():
                living.round = time.monotonic() + _until_round(node)
                if told.kind != behaviour.DEAF and trust.take_round(node):
                    LOG.info('%s: trusts what its bay trusts', node)
        except Gone:
            living.is_gone = True
            LOG.info('%s: its bay is gone', node)
        except StepFailed as error:
            LOG.error('%s: %s', node, error)
        except Exception:
            LOG.exception('%s: a fault of the agent', node)

    def _play(self, server_id: str) -> None:
        """What a server does until it is up; logs instead of raising."""
        try:
            server = self._cloud.server(server_id)
        except NotFound:
            return
        except ClientException as error:
            # It is found again by the next poll.
            LOG.warning('server %s: %s', server_id, error)
            return
        is_played = False
        try:
            is_played = self._boot(server)
        except (StepFailed, Away, Refused, KeyError) as error:
            LOG.error('%s: %s: %s', server.name, type(error).__name__, error)
        except Exception:
            LOG.exception('%s: a fault of the agent', server.name)
        if is_played or not self._stopping.is_set():
            (self._booted / server_id).touch()

    def _boot(self, server: Server) -> bool:
        """Whether it came up as a node."""
        node_settings = read_settings(server.user_data)
        if node_settings is None:
            LOG.info('%s: no node of a bay', server.name)
            return False
        if not node_settings.get('MAGNUM_BOOTSTRAP_URL', '').startswith(self._bootstrap):
            LOG.info('%s: a node of another service', server.name)
            return False
        if claim.covers(claim.read(self._claim_file), node_settings):
            LOG.info('%s: left to a real machine', server.name)
            return False
        told = behaviour.of_node(self._behaviour_file, node_settings['MAGNUM_NODE_NAME'])
        if told.kind == behaviour.SILENT:
            LOG.info('%s: silent, as told', node_settings['MAGNUM_NODE_NAME'])
            return False
        if self._stopping.wait(told.seconds):
            return False
        node = Node.made(self._roots / server.id, node_settings, self._stopping)
        began = time.monotonic()
        try:
            purposes = ' '.join(node.register()) or 'none'
            node.use_cloud()
            failed = told.reason
        except StepFailed as error:
            failed = told.reason or str(error)
        if failed:
            node.failed(failed)
        else:
            node.came_up()
        ended = f'failed: {failed}' if failed else f'ready, with certificates: {purposes}'
        LOG.info('%s: after %.1f s %s', node, time.monotonic() - began, ended)
        return not failed


def _until_round(node: Node) -> float:
    """Seconds until the node asks what its bay trusts; infinite for one that did not come up."""
    return trust.seconds_to_next(node) if node.is_up() else math.inf


def run(agent: Agent, stopping: threading.Event, interval: float = _INTERVAL) -> None:
    """Poll until told to stop; a cloud that is away is waited for."""
    is_away = False
    while not stopping.is_set():
        try:
            agent.poll()
        except ClientException as error:
            if not is_away:
                LOG.warning('the cloud does not answer, trying again: %s', error)
            is_away = True
        else:
            if is_away:
                LOG.info('the cloud answers again')
            is_away = False
        stopping.wait(interval)


@contextlib.contextmanager
def _only_one(pid_file: pathlib.Path) -> Iterator[None]:
    """Hold the pid file; its lock, unlike its content, ends with the process."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with pid_file.open('a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            sys.exit(f'node_agent: already running, process {file.read().strip()}')
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        try:
            yield
        finally:
            pid_file.unlink(missing_ok=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='node_agent.py', description='Play the nodes of bays in the development cloud.'
    )
    how_long = parser.add_mutually_exclusive_group(required=True)
    how_long.add_argument(
        '--once', action='store_true', help='play the servers that there are, then end'
    )
    how_long.add_argument('--forever', action='store_true', help='until ended by a signal')
    parser.add_argument(
        '--interval',
        type=float,
        default=_INTERVAL,
        metavar='SECONDS',
        help='between two looks at the cloud (default: %(default)s)',
    )
    parser.add_argument(
        '--state',
        type=pathlib.Path,
        default=STATE,
        metavar='DIRECTORY',
        help='of behaviour.json, booted/ and pid (default: %(default)s)',
    )
    parser.add_argument(
        '--bootstrap',
        default='',
        metavar='URL',
        help='leave nodes alone whose bootstrap endpoint begins otherwise',
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format='%(asctime)s %(levelname)s %(message)s')
    LOG.setLevel(logging.INFO)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with _only_one(arguments.state / 'pid'):
        nova = Nova(settings.password_options('admin'))
        agent = Agent(nova, arguments.state, stopping, bootstrap=arguments.bootstrap)
        try:
            if arguments.once:
                agent.poll()
            else:
                run(agent, stopping, arguments.interval)
        except ClientException as error:
            LOG.error('the cloud does not answer: %s', error)
            return 1
        finally:
            agent.finish()
    return 0


if __name__ == '__main__':
    sys.exit(main())
