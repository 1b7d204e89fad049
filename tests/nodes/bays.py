"""Bays of the tests, and the machines that are their nodes."""

import dataclasses
from typing import Any

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.nodes import machine
from tools.nodes.cloud import Cloud
from tools.nodes.machine import Machine


@dataclasses.dataclass(frozen=True)
class Bay:
    """A bay and who has asked for it."""

    person: Person
    uuid: str
    name: str

    def document(self) -> dict[str, Any]:
        """As the service shows it."""
        found = self.person.bay(self.uuid)
        assert found is not None
        return found

    def complete(self, status: str) -> dict[str, Any]:
        """Wait until nothing goes on; the status has to be this one."""
        settled: dict[str, Any] = wait_until(lambda: self.person.settled(self.uuid))
        assert settled['status'] == status, settled
        return settled

    def resize(self, count: int, *remove: str) -> None:
        """Ask for another number of workers, without certain ones."""
        answer = self.person.magnum.post(
            f'/clusters/{self.uuid}/actions/resize',
            json={'node_count': count, 'nodes_to_remove': list(remove)},
        )
        assert answer.status_code == 202, answer.text

    def machines(self, role: str = '') -> list[Machine]:
        """Its machines: those of ``master`` or ``node``, or all."""
        return [
            each for each in machine.saved()
            if each.facts.name.startswith(f'{self.name}-') and f'-{role}' in each.facts.name
        ]

    def act(self, of: Machine, action: str, arguments: Any = None) -> None:
        """Ask Nova, as its owner, to do something to a server."""
        compute = self.person.service('compute')
        compute.post(f'/servers/{of.facts.id}/action', json={action: arguments})


    def delete(self) -> None:
        """Have it deleted, and wait until its machines are gone, too."""
        self.person.magnum.delete(f'/clusters/{self.uuid}')
        wait_until(lambda: self.person.is_gone(self.uuid))
        wait_until(lambda: not self.machines())


def create(person: Person, name: str, coe: str, **more: Any) -> Bay:
    """Ask for a bay, and wait until it is complete."""
    model = {key: more.pop(key) for key in list(more) if key in ('labels', 'docker_volume_size')}
    baymodel = person.create_baymodel(coe, name=name, keypair_id='alice-key', **model)
    bay = Bay(person, person.create_bay(baymodel, name, **more), name)
    bay.complete('CREATE_COMPLETE')
    return bay


def address(of: Machine) -> str:
    """The floating address of a machine."""
    (floating,) = Cloud().floating_addresses([of.facts.port])
    return floating.address
