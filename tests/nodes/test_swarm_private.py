"""A Swarm bay in a network of its owner's, without floating addresses, behind a proxy."""

from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker, private
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tests.nodes.private import Place


@pytest.fixture(scope='module')
def place(alice: Person, images: str) -> Iterator[Place]:
    with private.place(alice, images) as made:
        yield made


@pytest.fixture(scope='module')
def bay(alice: Person, place: Place) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-private', 'swarm', node_count=1, insecure_registry=private.HOST,
        **place.baymodel,
    ) as made:
        yield made


@pytest.fixture(scope='module')
def client(
    bay: Bay, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Docker:
    folder = tmp_path_factory.mktemp('docker') / 'files'
    made = docker.configured(bay.person, bay.uuid, folder)
    return Docker(made.host, made.folder, place.inside)


def test_addresses_are_those_of_the_network(bay: Bay, client: Docker) -> None:
    assert private.has_no_other_address(bay)
    document = bay.document()
    assert client.host == f'tcp://{document["master_addresses"][0]}:2376'


def test_images_come_through_the_proxy(bay: Bay, client: Docker, place: Place) -> None:
    client(
        'service', 'create', '--quiet', '--mode', 'global', '--name', 'web',
        f'{private.HOST}/bay/web:1',
    )

    def running() -> int:
        return client('service', 'ps', 'web', '--format', '{{.CurrentState}}').count('Running')

    wait_until(lambda: running() == 2, 120, every=1)
    assert f'GET {private.HOST}' in place.proxy.asked


def test_nodes_join_without_tls_as_well(alice: Person, place: Place) -> None:
    """They ask the first manager's engine for a token, as any client does."""
    with bays.completed(
        alice, 'nodes-open', 'swarm', node_count=1, tls_disabled=True, **place.baymodel
    ):
        pass


def test_what_is_of_the_bay_or_the_cloud_does_not_go_there(place: Place) -> None:
    assert place.proxy.asked_hosts == {private.HOST}
