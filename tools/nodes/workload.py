"""A container that says on which node it runs, and how it comes to the nodes."""

import http.client
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from tools.common.errors import ToolError
from tools.nodes.image import Image
from tools.nodes.machine import Machine

IMAGE: Final = 'nodes/web:1'
#: Where it is served in a container, and where nodes publish it.
PORT: Final = 80
#: Serves the container's host name: the pod's, or the node's by :func:`service`.
COMMAND: Final = (
    '/bin/sh', '-c',
    f'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p {PORT} -h /www',
)
#: Of Debian's package busybox-static.
BUSYBOX: Final = '/bin/busybox'
_APPLETS: Final = (
    'cat', 'echo', 'env', 'hostname', 'httpd', 'ip', 'mkdir', 'nslookup', 'sed', 'sh', 'sleep',
    'wget',
)


def image() -> Image:
    """Busybox of this machine, and the command.

    :raises ToolError: busybox is not installed.
    """
    busybox = shutil.which(BUSYBOX)
    if not busybox:
        raise ToolError(f'{BUSYBOX} is missing: tools/system-packages nodes installs it')
    return Image(
        {'bin/busybox': pathlib.Path(busybox)}, COMMAND,
        {f'bin/{name}': 'busybox' for name in _APPLETS},
    )


def bring(machine: Machine) -> None:
    """Give a node's engine the image."""
    subprocess.run(
        machine.command(['docker', 'import', '-', IMAGE]), input=image().layer(), check=True,
        capture_output=True, timeout=120,
    )


def service(name: str, *options: str) -> tuple[str, ...]:
    """Arguments of ``docker`` that run the container on every node, as a service of Swarm."""
    return (
        'service', 'create', '--quiet', '--no-resolve-image', '--mode', 'global',
        '--name', name, '--hostname', '{{.Node.Hostname}}',
        '--publish', f'mode=host,published={PORT},target={PORT}', *options, IMAGE, *COMMAND,
    )


def objects(image: str, node_port: int) -> tuple[Mapping[str, Any], ...]:
    """Objects of Kubernetes that run a pod on every worker, and publish them on all nodes.

    :param image: serves the pod's host name on :data:`PORT`.
    """
    labels = {'app': 'web'}
    container = {
        'name': 'web', 'image': image, 'ports': [{'containerPort': PORT}],
        'readinessProbe': {'httpGet': {'path': '/', 'port': PORT}, 'periodSeconds': 2},
    }
    pod = {'containers': [container], 'terminationGracePeriodSeconds': 2}
    return (
        {
            'apiVersion': 'apps/v1', 'kind': 'DaemonSet', 'metadata': {'name': 'web'},
            'spec': {
                'selector': {'matchLabels': labels},
                'template': {'metadata': {'labels': labels}, 'spec': pod},
            },
        },
        {
            'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'},
            'spec': {
                'type': 'NodePort', 'selector': labels,
                'ports': [{'port': PORT, 'nodePort': node_port}],
            },
        },
    )


def answer(address: str, port: int = PORT) -> str | None:
    """What the container at a node's address says; None while it says nothing."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f'http://{address}:{port}/', timeout=5) as response:
            text: str = response.read().decode().strip()
            return text
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return None
