"""A service on a bay of real machines, made with the COE's own client, that answers."""

import json
import os
import pathlib
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tools.common.errors import ToolError
from tools.nodes import guest, machine, workload
from tools.nodes.kubernetes import recipe
from tools.nodes.machine import Machine
from tools.quickstart_steps import client, downloads, layout, machines, summary
from tools.quickstart_steps.progress import environment_with

_SERVICE: Final = 'web'
_NODE_PORT: Final = 30080
_PATIENCE: Final = 120.0  # seconds for a service to answer


def show(coe: str, bay: str) -> None:
    """Run a service on every worker, and ask each for it.

    :raises ToolError: it does not answer.
    """
    nodes = [each for each in machine.saved() if each.facts.name.startswith(f'{bay}-')]
    if not nodes:       # the bay is older than its machines
        return
    port = _SHOW[coe](bay, nodes)
    for address in summary.workers(bay):
        print(f'    $ curl http://{address}:{port}\n    {_answer(address, port)}')


def _swarm(bay: str, nodes: Sequence[Machine]) -> int:
    """By Docker's client; the port at which nodes answer."""
    for each in nodes:
        workload.bring(each)
    client.openstack('bay', 'config', bay, '--dir', str(layout.DOCKER))
    pairs = (
        word.partition('=')
        for word in shlex.split((layout.DOCKER / 'environment').read_text(), comments=True)
    )
    environment = {
        **{name: value for name, equals, value in pairs if equals},
        'DOCKER_CERT_PATH': str(layout.DOCKER),
    }
    docker = _linked(guest.program('docker'))
    there = _run([docker, 'service', 'ls', '--format', '{{.Name}}'], environment)
    if _SERVICE not in there.split():
        words = workload.service(_SERVICE)
        print(f'    $ docker {shlex.join(words)}')
        _run([docker, *words], environment)
    return workload.PORT


def _kubernetes(bay: str, _nodes: Sequence[Machine]) -> int:
    """By kubectl; the port at which nodes answer."""
    kubectl = _linked(recipe.place() / 'kubectl')
    client.openstack('bay', 'config', bay, '--dir', str(layout.KUBECTL))
    environment = {'KUBECONFIG': str(layout.KUBECTL / 'config')}
    objects = workload.objects(f'{downloads.ADDRESS}/bay/web:1', _NODE_PORT)
    wanted = {'apiVersion': 'v1', 'kind': 'List', 'items': objects}
    print('    $ kubectl apply -f -')
    print(_indented(_run([kubectl, 'apply', '-f', '-'], environment, json.dumps(wanted))))
    print('    $ kubectl get nodes')
    print(_indented(_run([kubectl, 'get', 'nodes'], environment)))
    return _NODE_PORT


_SHOW: Final[Mapping[str, Callable[[str, Sequence[Machine]], int]]] = {
    machines.SWARM: _swarm, machines.KUBERNETES: _kubernetes,
}


def _linked(program: pathlib.Path) -> pathlib.Path:
    """A client where the reader's shell finds it."""
    link = layout.PROGRAMS / program.name
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    return link


def _answer(address: str, port: int) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        answer = workload.answer(address, port)
        if answer is not None:
            return answer
        time.sleep(0.5)
    raise ToolError(f'the service does not answer at http://{address}:{port}')


def _run(
    words: Sequence[str | os.PathLike[str]], variables: Mapping[str, str], text: str = ''
) -> str:
    """Run a client; what it prints.

    :param text: its standard input.
    """
    done = subprocess.run(
        words, env=environment_with(variables), input=text, capture_output=True, text=True,
        timeout=_PATIENCE,
    )
    if done.returncode:
        shown = shlex.join(os.fspath(word) for word in words)
        raise ToolError(f'{shown}: {done.stderr.strip()}')
    return done.stdout


def _indented(text: str) -> str:
    return '\n'.join(f'    {line}' for line in text.splitlines())
