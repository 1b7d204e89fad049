"""Octavia's load balancers: HAProxy in the network's router, as an amphora has it.

The development cloud's Octavia does all but that. The program has the balancer's
address on the router's bridge, and timeouts, retries and checks as Octavia's
template for amphorae.
"""

import logging
import os
import pathlib
import shutil
import signal
from collections.abc import Iterable, Iterator
from typing import Final

from tools.common import processes
from tools.common.errors import ToolError
from tools.nodes import layout, network
from tools.nodes.cloud import Balancer, Listener

LOG = logging.getLogger('nodes')

_FOLDER: Final = layout.STATE / 'balancers'
_HOME: Final = processes.Home(logs=_FOLDER, pids=_FOLDER, directory=_FOLDER)
_ALGORITHMS: Final = {
    'ROUND_ROBIN': 'roundrobin', 'LEAST_CONNECTIONS': 'leastconn', 'SOURCE_IP': 'source',
}
_COMMON: Final = """\
global
    nbthread 1
    hard-stop-after 1m
defaults
    mode tcp
    retries 3
    option redispatch
    timeout connect 5s
    timeout client 50s
    timeout server 50s
"""


class Balancers:
    """The processes of load balancers, kept in step with Octavia."""

    def __init__(self) -> None:
        self._running: dict[str, Balancer] = {}

    def follow(self, wanted: Iterable[Balancer]) -> None:
        """Serve these load balancers, whose networks have a router here, and no others.

        :raises ToolError: one cannot be served.
        """
        now = {balancer.id: balancer for balancer in wanted}
        self._stop(self._running.keys() - now.keys())
        for key, balancer in now.items():
            if self._running.get(key) != balancer:
                self._serve(balancer)
                self._running[key] = balancer

    def leave(self, network_id: str) -> None:
        """Serve no load balancer of a network any more."""
        self._stop({
            key for key, balancer in self._running.items() if balancer.network == network_id
        })

    def _serve(self, balancer: Balancer) -> None:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        file = _file(balancer)
        file.write_text(configuration(balancer))
        network.add_to_router(balancer.network, balancer.address)
        pid = _HOME.pid(balancer.id)
        if pid:
            os.kill(pid, signal.SIGUSR2)
        elif balancer.listeners:
            program = shutil.which('haproxy')
            if program is None:
                raise ToolError('haproxy is not installed: tools/system-packages nodes')
            processes.Process(
                _HOME, balancer.id,
                (
                    'ip', 'netns', 'exec', network.of_router(balancer.network),
                    program, '-W', '-db', '-f', file,
                ),
                processes.inherited(),
            ).start()
        LOG.info('load balancer %s: %d listeners', balancer.address, len(balancer.listeners))

    def _stop(self, keys: Iterable[str]) -> None:
        gone = [self._running.pop(key) for key in list(keys)]
        _HOME.stop([balancer.id for balancer in gone], patience=2)
        for balancer in gone:
            _file(balancer).unlink(missing_ok=True)
            network.remove_from_router(balancer.network, balancer.address)


def sweep() -> None:
    """End what an earlier process has left running."""
    _HOME.stop([path.stem for path in _FOLDER.glob('*.pid')], patience=2)
    shutil.rmtree(_FOLDER, ignore_errors=True)


def configuration(balancer: Balancer) -> str:
    """As HAProxy reads it."""
    lines = [_COMMON]
    for listener in balancer.listeners:
        lines += _of(balancer.address, listener)
    return '\n'.join([*lines, ''])


def _of(address: str, listener: Listener) -> Iterator[str]:
    yield f'listen {listener.id}'
    yield f'    bind {address}:{listener.port}'
    if listener.allowed:
        yield f'    tcp-request connection reject if !{{ src {" ".join(listener.allowed)} }}'
    yield f'    balance {_ALGORITHMS.get(listener.algorithm, "source")}'
    check = ''
    if listener.check is not None:
        yield f'    timeout check {listener.check.timeout}s'
        check = (
            f' check inter {listener.check.delay}s fall {listener.check.failures}'
            f' rise {listener.check.successes}'
        )
    for number, member in enumerate(listener.members):
        yield f'    server {number} {member}{check}'


def _file(balancer: Balancer) -> pathlib.Path:
    return _FOLDER / f'{balancer.id}.cfg'
