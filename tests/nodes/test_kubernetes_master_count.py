"""A Kubernetes bay of one master that comes to have three, and one again."""

import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Final

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.test_kubernetes_masters import leader, members, serves
from tests.nodes.watch import Watch

#: Seconds for which no answer may come from the API, and from what runs on the worker.
LONGEST: Final = 15.0


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = kubernetes.create(
        alice, 'nodes-count', programs, downloads, master_count=1, node_count=1,
        master_lb_enabled=True,
    )
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(bay: Bay, client_of_web: Kubectl) -> Kubectl:
    kubernetes.all_answer(bay, client_of_web, 1)
    return client_of_web


def is_whole(bay: Bay, count: int) -> bool:
    """Whether etcd has so many members with one leader, and every API server is ready."""
    masters = bay.machines('master')
    found = members(masters[0])
    return (
        len(masters) == len(found) == count
        and len({each['leader'] for each in found}) == 1
        and not any(each.get('isLearner') for each in found)
        and all(serves(each) for each in masters)
    )


def is_answered(bay: Bay, client: Kubectl) -> bool:
    done = client.run('get', '--raw=/api/v1/nodes', '--request-timeout=5s')
    return done.returncode == 0


def etcd_servers(bay: Bay) -> list[int]:
    """How many servers of etcd each API server knows."""
    return [
        len(bays.output(
            each, 'grep', '-o', 'https://[0-9.]*:2379',
            '/etc/systemd/system/kube-apiserver.service',
        ).split())
        for each in bay.machines('master')
    ]


def containers(client: Kubectl) -> list[str]:
    """Of the web server on the worker, with how often each was started."""
    return [
        json.dumps([pod['metadata']['uid'], pod['status']['containerStatuses'][0]['restartCount']])
        for pod in client.pods('app=web')
    ]


def test_one_becomes_three_while_the_first_serves(bay: Bay, client: Kubectl) -> None:
    before, workers = bay.machines('master'), bay.machines('node')
    client('create', 'configmap', 'kept', '--from-literal=a=b')
    web = containers(client)
    with Watch(functools.partial(is_answered, bay, client)) as watch:
        bay.resize_masters(3)
    print(f'longest without an answer: {watch.longest:.1f} s')
    assert bays.ids(before) < bays.ids(bay.machines('master')), 'who lived lives'
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    wait_until(lambda: is_whole(bay, 3), 60, every=2)
    assert etcd_servers(bay) == [3, 3, 3]
    kubernetes.ready(client, 4)
    assert containers(client) == web
    assert watch.longest < LONGEST


def test_three_outlive_the_one_whose_etcd_leads(bay: Bay, client: Kubectl) -> None:
    """So they do serve as three that were made at once."""
    lost = leader(bay)
    lost.power_off()
    wait_until(lambda: is_answered(bay, client), 60, every=1)
    client('create', 'configmap', 'written')
    bay.start(lost)
    wait_until(lambda: is_whole(bay, 3), 180, every=2)


def test_three_become_one(bay: Bay, client: Kubectl) -> None:
    """The leader of etcd among those that go, unless the first leads."""
    first, workers = bay.machines('master')[0], bay.machines('node')
    web = containers(client)
    with Watch(functools.partial(is_answered, bay, client)) as watch:
        bay.resize_masters(1)
    print(f'longest without an answer: {watch.longest:.1f} s')
    assert bays.ids(bay.machines('master')) == bays.ids([first])
    assert bays.ids(bay.machines('node')) == bays.ids(workers)
    wait_until(lambda: is_whole(bay, 1), 60, every=2)
    assert etcd_servers(bay) == [1]
    assert len(kubernetes.snapshots(first)) >= 2, 'of before each went'
    wait_until(lambda: len(client.nodes()) == 2, 60)
    assert client('get', 'configmap', 'kept', '--output', 'jsonpath={.data.a}') == 'b'
    assert containers(client) == web
    kubernetes.all_answer(bay, client, 1)
    assert watch.longest < LONGEST


def test_another_authority_suits_what_is_left(bay: Bay, client: Kubectl) -> None:
    bay.rotate_authority()
    bay.complete('UPDATE_COMPLETE')
    wait_until(lambda: is_whole(bay, 1), 60, every=2)
