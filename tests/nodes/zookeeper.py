"""ZooKeeper on the masters of a Mesos bay, each server asked by itself."""

import contextlib
import json
import subprocess
from collections.abc import Iterable
from typing import Final

from tests.nodes import bays
from tools.nodes.machine import Machine

PORT: Final = 2181

_WORD = """
import socket, sys
with socket.create_connection((sys.argv[1], 2181), timeout=5) as connection:
    connection.sendall(sys.argv[2].encode())
    print(connection.makefile().read(), end='')
"""
_CLIENT = """
import json, sys
from kazoo.client import KazooClient
client = KazooClient(f'{sys.argv[1]}:2181', timeout=10)
client.start(timeout=15)
path, value = json.load(sys.stdin)
if value is not None:
    client.ensure_path(path)
    client.set(path, value.encode())
else:
    client.sync(path)
    print(client.get(path)[0].decode(), end='')
client.stop()
"""


def word(on: Machine, text: str) -> str:
    """What a master's server answers to a word of four letters; empty without an answer."""
    return bays.run(on, 'python3', '-c', _WORD, on.facts.address, text).stdout


def mode(on: Machine) -> str:
    """``leader`` or ``follower``; empty while the server is in no quorum."""
    for line in word(on, 'srvr').splitlines():
        name, _, value = line.partition(': ')
        if name == 'Mode':
            return value
    return ''


def modes(masters: Iterable[Machine]) -> list[str]:
    """Of all, sorted; a master that does not run has none."""
    return sorted(mode(each) for each in masters if each.leader() is not None)


def write(on: Machine, path: str, value: str) -> None:
    """Write by a client that knows no server but this master's."""
    done = _client(on, path, value)
    assert done.returncode == 0, done.stderr


def read(on: Machine, path: str) -> str:
    """Read by such a client, with all that was written before."""
    done = _client(on, path, None)
    assert done.returncode == 0, done.stderr
    return done.stdout


def can_write(on: Machine, path: str, value: str) -> bool:
    """Whether such a client can, at once."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return _client(on, path, value).returncode == 0
    return False


def _client(on: Machine, path: str, value: str | None) -> subprocess.CompletedProcess[str]:
    return bays.run(
        on, 'python3', '-c', _CLIENT, on.facts.address, text=json.dumps([path, value])
    )
