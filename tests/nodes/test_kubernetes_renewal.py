"""Certificates of a Kubernetes bay's nodes, renewed before they end, on real machines."""

import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.watch import Watch

WORKERS = 1
#: Seconds for which a bay with one master may be without its API: etcd is started anew.
LONGEST_WITHOUT_API = 15.0


@pytest.fixture(scope='module')
def bay(
    alice: Person, programs: pathlib.Path, downloads: str, brief_terms: None
) -> Iterator[Bay]:
    made = kubernetes.create(alice, 'nodes-renewal', programs, downloads, node_count=WORKERS)
    yield made
    made.delete()


def test_all_are_renewed_without_an_operation(
    bay: Bay, client: Kubectl, downloads: str, tmp_path: pathlib.Path
) -> None:
    kubernetes.run_web(client, downloads, WORKERS)
    before, old, operations = kubernetes.containers(client), bays.serials(bay), bay.operations()
    user = kubernetes.User(bay, client, tmp_path)
    with Watch(user.is_answered, every=1) as api:
        wait_until(lambda: not bays.serials(bay) & old, seconds=7 * 60)
        time.sleep(15)  # the last node is not done when its certificates are there
    print(f'longest without an answer: {api.longest:.1f} s ({api.answers} answers)')
    kubernetes.all_answer(bay, client, WORKERS)
    assert set(client.nodes().values()) == {'True'}
    assert kubernetes.containers(client) == before
    assert api.longest < LONGEST_WITHOUT_API, user.errors
    assert bay.operations() == operations
