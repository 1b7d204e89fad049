#!/usr/bin/env python3
"""Play the nodes of bays in the development cloud, whose servers boot nothing.

Looks for servers that Nova calls ACTIVE and whose user data is that of a
bay's node, does for each what the node would do (certificates, then the
signal to Heat), and logs a line about it. Run it with the project's
interpreter::

    tools/devcloud/node_agent.py --once | --forever

State is kept in ``<state of the cloud>/node-agent``: ``behaviour.json`` says
which nodes misbehave (see node_agent_behaviour.py), ``booted/`` remembers the
servers that were played, so that none boots twice, ``pid`` is the process.
"""

import argparse
import concurrent.futures
import contextlib
import fcntl
import logging
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import requests
from keystoneauth1.exceptions import ClientException, NotFound

if __name__ == '__main__':
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tools.devcloud import node_agent_behaviour as behaviour
from tools.devcloud import settings
from tools.devcloud.node_agent_boot import Node, StepFailed, read_settings
from tools.devcloud.node_agent_cloud import Nova, Server

LOG = logging.getLogger('node-agent')

STATE = settings.STATE / 'node-agent'
_PARALLEL = 32
_INTERVAL = 2.0  # seconds


class Cloud(Protocol):
    """What of :class:`Nova` the agent uses."""

    def active_servers(self) -> set[str]:
        """Ids of the servers that run."""

    def server(self, server_id: str) -> Server:
        """One server, or NotFound."""


class Agent:
    """Finds new servers and plays them, each in a thread.

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
        self._booted = state / 'booted'
        self._booted.mkdir(parents=True, exist_ok=True)
        self._stopping = stopping
        self._pool = concurrent.futures.ThreadPoolExecutor(parallel, 'node')
        self._running: dict[str, concurrent.futures.Future[None]] = {}

    def poll(self) -> None:
        """Start the servers that are new, forget those that are gone.

        :raises ClientException: the cloud does not answer.
        """
        active = self._cloud.active_servers()
        self._running = {
            server_id: future for server_id, future in self._running.items() if not future.done()
        }
        booted = {path.name for path in self._booted.iterdir()}
        for server_id in booted - active:
            (self._booted / server_id).unlink()
        for server_id in active - booted - self._running.keys():
            self._running[server_id] = self._pool.submit(self._play, server_id)

    def finish(self) -> None:
        """Wait for the nodes that were started."""
        self._pool.shutdown(wait=True)

    def _play(self, server_id: str) -> None:
        """A server's whole life; logs instead of raising."""
        try:
            server = self._cloud.server(server_id)
        except NotFound:
            return
        except ClientException as error:
            # It is found again by the next poll.
            LOG.warning('server %s: %s', server_id, error)
            return
        try:
            self._boot(server)
        except (StepFailed, requests.RequestException, KeyError) as error:
            LOG.error('%s: %s: %s', server.name, type(error).__name__, error)
        except Exception:
            LOG.exception('%s: a fault of the agent', server.name)
        if not self._stopping.is_set():
            (self._booted / server_id).touch()

    def _boot(self, server: Server) -> None:
        node_settings = read_settings(server.user_data)
        if node_settings is None:
            LOG.info('%s: no node of a bay', server.name)
            return
        if not node_settings.get('MAGNUM_BOOTSTRAP_URL', '').startswith(self._bootstrap):
            LOG.info('%s: a node of another service', server.name)
            return
        node = Node(node_settings, self._stopping)
        told = behaviour.of_node(self._behaviour_file, node.name)
        if told.kind == behaviour.SILENT:
            LOG.info('%s: silent, as told', node)
            return
        if self._stopping.wait(told.seconds):
            return
        began = time.monotonic()
        status, reason = _result(node, told)
        node.signal(status, reason)
        LOG.info('%s: %s in %.1f s: %s', node, status, time.monotonic() - began, reason)


def _result(node: Node, told: behaviour.Behaviour) -> tuple[str, str]:
    """The word to Heat: status and reason."""
    if told.kind == behaviour.FAIL:
        return 'FAILURE', told.reason
    try:
        purposes = node.get_certificates()
    except StepFailed as error:
        return 'FAILURE', str(error)
    return 'SUCCESS', f'has its certificates: {" ".join(purposes) or "none"}'


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
