"""Bays of the tests, and the machines that are their nodes."""

import contextlib
import dataclasses
import functools
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import requests

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.nodes import machine
from tools.nodes.cloud import Cloud
from tools.nodes.machine import Machine

_OF_BAYMODELS = frozenset({
    'docker_volume_size', 'fixed_network', 'fixed_subnet', 'floating_ip_enabled', 'http_proxy',
    'https_proxy', 'image_id', 'insecure_registry', 'labels', 'master_lb_enabled', 'tls_disabled',
    'volume_driver',
})

_TIMEOUT = 120  # seconds


@dataclasses.dataclass(frozen=True)
class Bay:
    """A bay and who has asked for it."""

    person: Person
    uuid: str
    name: str
    coe: str

    def document(self) -> dict[str, Any]:
        """As the service shows it."""
        found = self.person.bay(self.uuid)
        assert found is not None
        return found

    def complete(self, status: str) -> dict[str, Any]:
        """Wait for the end of its operation, which has to leave it in this status."""
        settled: dict[str, Any] = wait_until(lambda: self.person.settled(self.uuid))
        assert settled['status'] == status, settled
        return settled

    def stays(self, condition: Callable[[], bool], status: str) -> None:
        """Check every second that a condition holds, until the end of its operation."""
        while self.person.settled(self.uuid) is None:
            assert condition(), 'the condition does not hold while the bay is changed'
            time.sleep(1)
        self.complete(status)

    def resize(self, count: int, *remove: str) -> None:
        """Ask for another number of workers, without certain ones."""
        answer = self.person.magnum.post(
            f'/clusters/{self.uuid}/actions/resize',
            json={'node_count': count, 'nodes_to_remove': list(remove)},
        )
        assert answer.status_code == 202, answer.text

    def create_nodegroup(self, name: str, count: int, **more: Any) -> None:
        """Have a further node group made, and wait until it is."""
        answer = self.person.magnum.post(
            f'/clusters/{self.uuid}/nodegroups', json={'name': name, 'node_count': count, **more}
        )
        assert answer.status_code == 202, answer.text
        self.complete('UPDATE_COMPLETE')

    def delete_nodegroup(self, name: str) -> None:
        """Ask for the end of a further node group."""
        answer = self.person.magnum.delete(f'/clusters/{self.uuid}/nodegroups/{name}')
        assert answer.status_code == 204, answer.text

    def upgrade(self, labels: Mapping[str, str], batch: int = 1, **changes: Any) -> None:
        """Ask for another baymodel: the bay's own with other labels, and attributes."""
        answer = self.ask_upgrade(labels, batch, **changes)
        assert answer.status_code == 202, answer.text

    def ask_upgrade(
        self, labels: Mapping[str, str], batch: int = 1, **changes: Any
    ) -> requests.Response:
        """As ``upgrade``, whatever the answer."""
        old = self.person.get(f'/clustertemplates/{self.document()["cluster_template_id"]}')
        model = {key: old[key] for key in _OF_BAYMODELS if old.get(key) is not None}
        target = self.person.create_baymodel(
            old['coe'],
            **{**model, 'keypair_id': old['keypair_id'], 'labels': dict(labels), **changes},
        )
        answer: requests.Response = self.person.magnum.post(
            f'/clusters/{self.uuid}/actions/upgrade',
            json={'cluster_template': target, 'max_batch_size': batch},
            headers={'OpenStack-API-Version': 'container-infra 1.8'},
        )
        return answer

    def renew_masters(self) -> None:
        """Ask for new masters, as the bay's own baymodel has them."""
        own = self.document()['cluster_template_id']
        answer = self.person.magnum.post(
            f'/clusters/{self.uuid}/actions/upgrade',
            json={'cluster_template': own, 'nodegroup': 'default-master'},
            headers={'OpenStack-API-Version': 'container-infra 1.8'},
        )
        assert answer.status_code == 202, answer.text

    def resize_masters(self, count: int) -> None:
        """Ask for another number of masters, and wait until there are as many."""
        answer = self.person.magnum.patch(
            f'/clusters/{self.uuid}',
            json=[{'op': 'replace', 'path': '/master_count', 'value': count}],
        )
        assert answer.status_code == 202, answer.text
        self.complete('UPDATE_COMPLETE')
        assert self.document()['master_count'] == count
        wait_until(lambda: len(self.machines('master')) == count)

    def machines(self, role: str = '') -> list[Machine]:
        """Its machines by name: those of ``master`` or ``node``, or all."""
        found = [
            each for each in machine.saved()
            if each.facts.name.startswith(f'{self.name}-')
            and f'-{role}' in each.facts.name.removeprefix(self.name)
        ]
        return sorted(found, key=lambda each: each.facts.name)

    def act(self, of: Machine, action: str, arguments: Any = None) -> None:
        """Ask Nova, as its owner, to do something to a server."""
        compute = self.person.service('compute')
        compute.post(f'/servers/{of.facts.id}/action', json={action: arguments})

    def start(self, *machines: Machine) -> None:
        """Have Nova start machines that have ended, when it knows that they have.

        They run at the end; what they boot may come later.
        """
        compute = self.person.service('compute')
        wait_until(lambda: all(
            compute.get(f'/servers/{each.facts.id}').json()['server']['status'] == 'SHUTOFF'
            for each in machines
        ), every=1)
        for each in machines:
            self.act(each, 'os-start')
        wait_until(lambda: all(each.leader() is not None for each in machines), every=1)

    def reboot(self, of: Machine) -> None:
        """Have Nova reboot a machine, and wait until it has."""
        before = of.leader()
        self.act(of, 'reboot', {'type': 'SOFT'})
        wait_until(lambda: of.leader() not in (None, before), every=1)

    def rotate_authority(self) -> None:
        """Ask for another certificate authority."""
        answer = self.person.magnum.patch(f'/certificates/{self.uuid}')
        assert answer.status_code == 202, answer.text

    def operations(self) -> list[str]:
        """The uuids of its operations."""
        found = self.person.get(f'/clusters/{self.uuid}/operations')['operations']
        return [each['uuid'] for each in found]

    def has_begun(self, step: str) -> bool:
        """Whether its last operation has begun a step."""
        steps = self.person.get(f'/operations/{self.operations()[-1]}')['steps']
        return any(each['name'] == step and each['started_at'] for each in steps)

    def act_on_operation(self, action: str) -> None:
        """Ask for ``cancel`` or ``retry`` of its last operation."""
        answer = self.person.magnum.post(f'/operations/{self.operations()[-1]}/actions/{action}')
        assert answer.status_code == 202, answer.text

    def events(self) -> dict[str, str]:
        """The last message of each kind."""
        found = self.person.get(f'/clusters/{self.uuid}/events')['events']
        return {each['kind']: each['message'] for each in found}

    def delete(self) -> None:
        """Have it deleted, and wait until its machines are gone, too."""
        self.person.magnum.delete(f'/clusters/{self.uuid}')
        wait_until(lambda: self.person.is_gone(self.uuid))
        wait_until(lambda: not self.machines())


def create(person: Person, name: str, coe: str, **more: Any) -> Bay:
    """Ask for a bay."""
    model = {key: more.pop(key) for key in list(more) if key in _OF_BAYMODELS}
    baymodel = person.create_baymodel(coe, name=name, keypair_id='alice-key', **model)
    return Bay(person, person.create_bay(baymodel, name, **more), name, coe)


@contextlib.contextmanager
def completed(person: Person, name: str, coe: str, **more: Any) -> Iterator[Bay]:
    """A bay that is complete, and deleted in the end."""
    made = create(person, name, coe, **more)
    made.complete('CREATE_COMPLETE')
    yield made
    made.delete()


def ids(machines: Iterable[Machine]) -> set[str]:
    """Ids of their servers."""
    return {each.facts.id for each in machines}


def run(on: Machine, *words: str, text: str = '') -> subprocess.CompletedProcess[str]:
    """Run a command in a machine.

    :param text: its standard input.
    """
    return subprocess.run(
        on.command(words), input=text, capture_output=True, text=True, timeout=_TIMEOUT
    )


def output(on: Machine, *words: str) -> str:
    """Run a command that has to succeed in a machine; what it prints."""
    done = run(on, *words)
    assert done.returncode == 0, f'{on}: {words}: {done.stdout}{done.stderr}'
    return done.stdout


def serials(bay: Bay) -> set[str]:
    """Serial numbers of all certificates of its nodes whose keys are there."""
    script = """cd /etc/magnum/certificates
for certificate in *.pem; do
    [ ! -e "${certificate%.pem}.key" ] || openssl x509 -noout -serial -in "$certificate"
done"""
    found = [output(each, 'bash', '-euc', script).splitlines() for each in bay.machines()]
    assert all(found), found
    return {serial for of_node in found for serial in of_node}


def address(of: Machine) -> str:
    """The floating address of a machine, which a node keeps for its life."""
    return _address(of.facts.port)


@functools.cache
def _address(port: str) -> str:
    (floating,) = Cloud().floating_addresses([port])
    return floating.address
