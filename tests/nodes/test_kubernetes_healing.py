"""A Kubernetes bay on real machines that heals itself: a worker loses its power."""

import pathlib
import time
from collections.abc import Iterator
from typing import Final

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl

WORKERS: Final = 2


@pytest.fixture(scope='module')
def bay(
    healing: None, alice: Person, programs: pathlib.Path, downloads: str
) -> Iterator[Bay]:
    made = kubernetes.create(
        alice, 'nodes-mended', programs, downloads, {'auto_healing_enabled': 'true'},
        node_count=WORKERS,
    )
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(client_of_web: Kubectl) -> Kubectl:
    return client_of_web


def test_a_worker_that_loses_its_power_is_replaced(bay: Bay, client: Kubectl) -> None:
    """It alone; the cluster has no node that is away, and its workload is back."""
    before = bay.machines()
    lost = bay.machines('node')[0]
    lost.power_off()

    began = time.monotonic()
    wait_until(lambda: lost.facts.name in bay.events().get('bay.node.replaced', ''), 240)
    bay.complete('UPDATE_COMPLETE')
    print(f'replaced {time.monotonic() - began:.0f} s after it lost its power')

    now = bay.machines()
    assert bays.ids(before) - bays.ids(now) == {lost.facts.id}
    kubernetes.ready(client, WORKERS + 1)
    assert client.nodes().keys() == {each.facts.name for each in now}
    kubernetes.all_answer(bay, client, WORKERS)
    operation = bay.person.get(f'/operations/{bay.operations()[-1]}')
    assert (operation['verb'], operation['requester']['user_id']) == ('resize', None)
    wait_until(lambda: bay.document()['health_status'] == 'HEALTHY', 60)
