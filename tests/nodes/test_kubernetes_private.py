"""A Kubernetes bay in a network of its owner's, without floating addresses, behind a proxy."""

import pathlib
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes, private
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.private import Place


@pytest.fixture(scope='module')
def place(alice: Person, downloads: str) -> Iterator[Place]:
    with private.place(alice, downloads) as made:
        yield made


@pytest.fixture(scope='module')
def bay(alice: Person, place: Place, programs: pathlib.Path) -> Iterator[Bay]:
    """Its programs and images come through the proxy: their host has no address."""
    made = kubernetes.create(
        alice, 'nodes-private', programs, private.HOST, node_count=1, **place.baymodel
    )
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(
    bay: Bay, place: Place, programs: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    made = kubernetes.client(bay, programs, tmp_path_factory)
    return Kubectl(made.program, made.folder, place.inside)


def test_addresses_are_those_of_the_network(bay: Bay, client: Kubectl) -> None:
    assert private.has_no_other_address(bay)
    document = bay.document()
    assert document['api_address'] == f'https://{document["master_addresses"][0]}:6443'
    assert set(client.nodes().values()) == {'True'}


def test_a_workload_comes_through_the_proxy(bay: Bay, client: Kubectl, place: Place) -> None:
    kubernetes.run_web(client, private.HOST, 1)
    (pod,) = client.pods(kubernetes.WEB)
    (worker,) = bay.machines('node')

    def answer() -> str:
        return bays.run(
            worker, 'curl', '--silent', '--noproxy', '*',
            f'http://{worker.facts.address}:{kubernetes.NODE_PORT}/',
        ).stdout.strip()

    wait_until(lambda: answer() == pod['metadata']['name'], 60, every=1)
    assert f'GET {private.HOST}' in place.proxy.asked


def test_what_is_of_the_bay_or_the_cloud_does_not_go_there(place: Place) -> None:
    assert place.proxy.asked_hosts == {private.HOST}
