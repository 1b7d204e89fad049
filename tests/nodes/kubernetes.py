"""Kubernetes bays of the tests: how they are made, what runs in them, who asks them."""

import contextlib
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubectl
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tools.nodes import workload
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine
from tools.nodes.workload import answer

NODE_PORT: Final = 30080
WEB: Final = 'app=web'
CERTIFICATES: Final = '/etc/magnum/certificates'
SNAPSHOTS: Final = '/var/lib/magnum/etcd-snapshots'


def create(
    person: Person, name: str, programs: pathlib.Path, downloads: str,
    labels: Mapping[str, str] = {}, **more: Any,
) -> Bay:
    """Make a bay of the programs that were built, and wait until it is complete.

    :param downloads: where nodes find them, as ``address:port``.
    :param labels: further ones.
    """
    made = bays.create(
        person, name, 'kubernetes', insecure_registry=downloads,
        labels={**bay_labels(programs, downloads), **labels}, **more,
    )
    made.complete('CREATE_COMPLETE')
    return made


def client(
    bay: Bay, programs: pathlib.Path, folders: pytest.TempPathFactory
) -> Kubectl:
    """kubectl as the bay's owner has it."""
    folder = folders.mktemp('kubectl') / 'files'
    return kubectl.configured(bay.person, bay.uuid, programs / 'kubectl', folder)


def client_of_web(
    bay: Bay, programs: pathlib.Path, downloads: str, folders: pytest.TempPathFactory, count: int
) -> Kubectl:
    """The same of a bay that runs ``run_web``."""
    made = client(bay, programs, folders)
    run_web(made, downloads, count)
    return made


def versions(client: Kubectl) -> dict[str, str]:
    """By node, the release that its kubelet is of."""
    return versions_in(client.json('get', 'nodes'))


def versions_in(nodes: Mapping[str, Any]) -> dict[str, str]:
    """Of a list of nodes."""
    return {
        node['metadata']['name']: node['status']['nodeInfo']['kubeletVersion']
        for node in nodes['items']
    }


def image(downloads: str) -> str:
    """One that says its host name on port 80."""
    return f'{downloads}/bay/web:1'


def run_web(client: Kubectl, downloads: str, count: int) -> None:
    """Run a pod on each of so many workers, that says its name, also on a port of all nodes."""
    apply(client, *workload.objects(image(downloads), NODE_PORT))
    wait_until(lambda: len(client.pods(WEB)) == count, 180, every=1)


def apply(client: Kubectl, *objects: Mapping[str, Any]) -> None:
    """Have Kubernetes make these."""
    client('apply', '-f', '-', stdin=yaml.safe_dump_all(objects))


def all_answer(bay: Bay, client: Kubectl, count: int, seconds: float = 180) -> None:
    """Wait until every worker has a pod, and passes requests on."""

    def look() -> bool:
        with contextlib.suppress(AssertionError):
            pods = {pod['metadata']['name'] for pod in client.pods(WEB)}
            addresses = bay.document()['node_addresses']
            found = [answer(address, NODE_PORT) for address in addresses]
            return len(pods) == len(found) == count and set(found) <= pods
        return False

    wait_until(look, seconds, every=1)


def ready(client: Kubectl, count: int, seconds: float = 300) -> None:
    """Wait until so many nodes are ready, and there are no others."""

    def look() -> bool:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            states = client.nodes()
            return len(states) == count and set(states.values()) == {'True'}
        return False

    wait_until(look, seconds, every=1)


def snapshots(master: Machine) -> list[str]:
    """Names of the snapshots of etcd on a master, the oldest first."""
    return bays.run(master, 'ls', SNAPSHOTS).stdout.split()


def containers(client: Kubectl) -> set[str]:
    """Those of the web pods."""
    return {
        status['containerID']
        for pod in client.pods(WEB) for status in pod['status']['containerStatuses']
    }


class User:
    """A user who asks the API, with new files when the bay trusts another authority.

    :ivar clients: the newest last.
    :ivar errors: what came instead of answers.
    """

    def __init__(self, bay: Bay, client: Kubectl, folder: pathlib.Path):
        self._bay = bay
        self._folder = folder
        self._trusted = self._trusts()
        self.clients = [client]
        self.errors: set[str] = set()

    def is_answered(self) -> bool:
        """Whether the API answers by one of the configurations, first by the newest."""
        self._refresh()
        return any(self._ask(client) for client in reversed(self.clients))

    def _trusts(self) -> str:
        return str(self._bay.person.get(f'/certificates/{self._bay.uuid}')['pem'])

    def _refresh(self) -> None:
        trusted = self._trusts()
        if trusted != self._trusted:
            folder = self._folder / f'generation-{len(self.clients)}'
            self.clients.append(kubectl.configured(
                self._bay.person, self._bay.uuid, self.clients[0].program, folder
            ))
            self._trusted = trusted

    def _ask(self, client: Kubectl) -> bool:
        try:
            done = client.run('get', '--raw', '/api/v1/namespaces', '--request-timeout=5s')
        except subprocess.TimeoutExpired as error:
            self.errors.add(str(error))
            return False
        if done.returncode:
            self.errors.add(done.stderr.strip())
        return not done.returncode
