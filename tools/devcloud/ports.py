"""TCP ports of the development cloud, chosen so that several clouds can run.

All ports of a cloud are the usual ones plus one number, its offset. The first
``up`` of a cloud chooses the offset and keeps it in the cloud's state, because
Keystone's catalogue and every configuration file have the ports in them.
"""

import os
import socket
from collections.abc import Iterator
from typing import Final

from tools.common import network
from tools.common.errors import ToolError
from tools.devcloud import place

#: The ports at offset 0. Those of the backends avoid the usual ones, which the
#: machine's own daemons use, and the range from 32768 on, from which the kernel
#: takes ports for connections.
USUAL: Final = {
    'mariadb': 23306,
    'rabbitmq': 25674,
    'rabbitmq-distribution': 25675,
    'epmd': 24369,
    'memcached': 21211,
    'postgresql': 25432,
    'magnum': 9511,
    'horizon': 8188,
    'nodes-downloads': 8288,
    'keystone': 5000,
    'glance': 9292,
    'placement': 8778,
    'nova': 8774,
    'neutron': 9696,
    'cinder': 8776,
    'heat': 8004,
    'heat-cfn': 8000,
    'barbican': 9311,
    'octavia': 9876,
}

_FILE: Final = place.STATE / 'port-offset'
_FIRST_EPHEMERAL: Final = 32768
STEP: Final = 20
_VARIABLE: Final = 'MAGNUM_DEVCLOUD_PORT_OFFSET'

#: Sockets that keep an offset for this process while its cloud starts.
_reservations: list[socket.socket] = []


def offset() -> int:
    """The number added to every port of this cloud."""
    given = os.environ.get(_VARIABLE)
    if given:
        return int(given)
    try:
        return int(_FILE.read_text())
    except FileNotFoundError:
        return 0


def is_chosen() -> bool:
    """Whether the cloud has an offset, of the environment or of an earlier command."""
    return bool(os.environ.get(_VARIABLE)) or _FILE.exists()


def forget() -> None:
    """Give the offset up, for the next command to choose one."""
    _FILE.unlink(missing_ok=True)


def choose() -> None:
    """Choose the offset of a cloud that has none yet: the first whose ports are free.

    Until this process ends no other cloud chooses the same one. A cloud with a
    name of its own leaves the usual ports to the one without.

    :raises ToolError: no offset is free, or its file cannot be written.
    """
    if is_chosen():
        return
    for number in _offsets():
        if number == 0 and place.NAME != place.DEFAULT_NAME:
            continue
        if _reserve(number) and all(network.is_free(port + number) for port in USUAL.values()):
            try:
                _FILE.parent.mkdir(parents=True, exist_ok=True)
                _FILE.write_text(f'{number}\n')
            except OSError as error:
                raise ToolError(str(error)) from error
            return
    raise ToolError(f'no ports are free for the development cloud; {_VARIABLE} chooses them')


def _offsets() -> Iterator[int]:
    """Offsets of which no two have a port in common."""
    used: set[int] = set()
    for number in range(0, _FIRST_EPHEMERAL - max(USUAL.values()), STEP):
        ports = {port + number for port in USUAL.values()}
        if used.isdisjoint(ports):
            used |= ports
            yield number


def _reserve(number: int) -> bool:
    """Take an offset for this process; False if another process has it.

    The name of an abstract socket is as wide as ports are: one per network
    namespace, whoever the user is. It goes with the process.
    """
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f'\0magnum-devcloud-ports-{number}')
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)
    return True
