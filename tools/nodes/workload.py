"""A container that says on which node it runs, and how it comes to the nodes."""

import http.client
import io
import pathlib
import subprocess
import tarfile
import urllib.error
import urllib.request

from tools.nodes.machine import Machine

IMAGE = 'nodes/web:1'
#: Where it is served in a container, and where nodes publish it.
PORT = 80
#: Writes the node's name, which it has as the container's.
COMMAND = ('sh', '-c', 'hostname >/www/index.html && exec httpd -f -h /www')
_BUSYBOX = pathlib.Path('/bin/busybox')
_APPLETS = ('sh', 'hostname', 'httpd', 'nslookup', 'sed', 'wget')


def image() -> bytes:
    """The file system: Busybox of this machine, no registry has it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as archive:
        for folder in ('bin', 'etc', 'tmp', 'www'):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
        archive.add(_BUSYBOX.resolve(), 'bin/busybox')
        for applet in _APPLETS:
            entry = tarfile.TarInfo(f'bin/{applet}')
            entry.type, entry.linkname = tarfile.SYMTYPE, 'busybox'
            archive.addfile(entry)
    return buffer.getvalue()


def bring(machine: Machine) -> None:
    """Give a node's engine the image."""
    subprocess.run(
        machine.command(['docker', 'import', '-', IMAGE]), input=image(), check=True,
        capture_output=True, timeout=120,
    )


def service(name: str, *options: str) -> tuple[str, ...]:
    """Arguments of ``docker`` that run the container on every node, as a service of Swarm."""
    return (
        'service', 'create', '--quiet', '--no-resolve-image', '--mode', 'global',
        '--name', name, '--hostname', '{{.Node.Hostname}}',
        '--publish', f'mode=host,published={PORT},target={PORT}', *options, IMAGE, *COMMAND,
    )


def answer(address: str, port: int = PORT, timeout: float = 5) -> str | None:
    """What the container at a node's address says; None while it says nothing."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f'http://{address}:{port}/', timeout=timeout) as response:
            text: str = response.read().decode().strip()
            return text
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return None
