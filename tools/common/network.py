"""TCP ports of this machine: free, taken, answering."""

import os
import pathlib
import socket
import urllib.error
import urllib.request
from typing import Final

from tools.common.errors import ToolError

IP: Final = '127.0.0.1'


def listening(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((IP, port)) == 0


def answers_http(port: int) -> bool:
    """Whether an HTTP service answers at all.

    uWSGI listens long before its application is loaded, so ask.
    """
    try:
        with urllib.request.urlopen(f'http://{IP}:{port}/', timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def is_free(port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((IP, port))
        except OSError:
            return False
    return True


def find_free() -> int:
    """A port on which no server listens."""
    with socket.socket() as sock:
        sock.bind((IP, 0))
        port: int = sock.getsockname()[1]
        return port


def require_free(port: int, service: str, advice: str = 'stop it') -> None:
    """Raise an error that says who has the port, if it is taken."""
    if not is_free(port):
        holder = port_holder(port) or 'a process of another user'
        raise ToolError(f'port {port}, which {service} needs, is taken by {holder}; {advice}')


def port_holder(port: int) -> str | None:
    """Which process listens on a TCP port, as far as we may see."""
    inodes = set()
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        try:
            rows = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            listens = fields[3] == '0A'
            if listens and int(fields[1].rpartition(':')[2], 16) == port:
                inodes.add(f'socket:[{fields[9]}]')
    if not inodes:
        return None
    for process in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if any(os.readlink(fd) in inodes for fd in (process / 'fd').iterdir()):
                command = (process / 'cmdline').read_bytes().replace(b'\0', b' ')
                return f'process {process.name} ({command.decode()[:80].strip()})'
        except OSError:
            continue
    return None
