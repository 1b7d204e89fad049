"""Rotations of a Swarm bay's authority, and renewals, while it works: three managers, a worker."""

import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tests.nodes.watch import Watch
from tools.devcloud import settings
from tools.nodes import workload

#: Seconds for which no question may be unanswered.
_LONGEST = 2.0


@pytest.fixture(scope='module')
def bay(alice: Person, brief_terms: None) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-rotated', 'swarm', master_count=3, node_count=1,
        labels={'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'},
    ) as made:
        yield made


def containers(bay: Bay) -> set[str]:
    """Every container of the bay with the moment of its start."""
    found = set()
    for each in bay.machines():
        ids = bays.output(each, 'docker', 'ps', '--all', '--quiet', '--no-trunc').split()
        assert ids, f'{each} has no container'
        found |= set(bays.output(
            each, 'docker', 'inspect', '--format', '{{.Id}} {{.State.StartedAt}}', *ids
        ).splitlines())
    return found


def test_a_rotation_stops_neither_containers_nor_the_quorum(
    bay: Bay, tmp_path: pathlib.Path
) -> None:
    first = docker.configured(bay.person, bay.uuid, tmp_path / 'first')
    for each in bay.machines():
        workload.bring(each)
    first(*workload.service('web'))
    (worker,) = bay.machines('node')
    place = bays.address(worker)
    wait_until(lambda: workload.answer(place))
    wait_until(lambda: len(first('service', 'ps', '--quiet', 'web').splitlines()) == 4)
    before, old = containers(bay), bays.serials(bay)
    generations = [first]

    def any_generation_is_let_in() -> bool:
        # Files that are fetched in the middle of a rotation are of the next generation.
        return any(
            client.run('node', 'ls').returncode == 0 for client in reversed(generations)
        )

    managers = bay.machines('master')

    def managers_agree() -> bool:
        return all(
            bays.run(each, 'docker', 'node', 'ls').returncode == 0 for each in managers
        )

    def first_is_let_in() -> bool:
        """Until managers have certificates of the other authority, which it does not know."""
        return first.run('node', 'ls').returncode == 0 or bay.has_begun('switch_authority')

    with (
        Watch(any_generation_is_let_in) as clients,
        Watch(first_is_let_in) as old_clients,
        Watch(managers_agree) as quorum,
        Watch(lambda: workload.answer(place) is not None) as service,
    ):
        bay.rotate_authority()
        for number in range(600):
            if bay.person.settled(bay.uuid) is not None:
                break
            generations.append(
                docker.configured(bay.person, bay.uuid, tmp_path / f'generation-{number}')
            )
            del generations[:-2]
            time.sleep(2)
        bay.complete('UPDATE_COMPLETE')
    watched = {
        'clients': clients, 'those of before': old_clients, 'quorum': quorum, 'service': service,
    }
    print('longest without an answer: ', ', '.join(
        f'{who} {watch.longest:.1f} s ({watch.answers} answers)' for who, watch in watched.items()
    ))
    assert containers(bay) == before
    assert not bays.serials(bay) & old
    assert max(watch.longest for watch in watched.values()) < _LONGEST
    # Whose files are of the former authority is let in no longer.
    wait_until(lambda: first.run('version').returncode != 0)
    latest = docker.configured(bay.person, bay.uuid, tmp_path / 'latest')
    assert len(latest('node', 'ls', '--quiet').splitlines()) == 4


def test_certificates_are_renewed_without_an_operation(
    bay: Bay, tmp_path: pathlib.Path
) -> None:
    client = docker.configured(bay.person, bay.uuid, tmp_path / 'files')
    before, old = containers(bay), bays.serials(bay)
    operations = bay.operations()
    with Watch(lambda: client.run('node', 'ls').returncode == 0) as clients:
        wait_until(lambda: not bays.serials(bay) & old, seconds=7 * 60)
        time.sleep(15)  # the last node is not done when its certificate is there
    assert containers(bay) == before
    assert clients.longest < _LONGEST
    assert bay.operations() == operations
