"""A Kubernetes bay on real machines is brought to the next release, and what fails is undone."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, failures, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.kubernetes import NODE_PORT
from tests.nodes.watch import Watch
from tools.nodes.kubernetes import recipe
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine

WORKERS: Final = 2
#: Seconds for which the workload may not answer: as long as a service leads to a pod that ends.
LONGEST_OF_WORKLOAD: Final = 5.0
#: Seconds for which the only master may be without its API while it is restarted.
LONGEST_WITHOUT_API: Final = 30.0


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = kubernetes.create(alice, 'nodes-upgrade', programs, downloads, node_count=WORKERS)
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(client_of_web: Kubectl) -> Kubectl:
    return client_of_web


def servers(bay: Bay, role: str) -> set[str]:
    return {each.facts.id for each in bay.machines(role)}


def answers(bay: Bay) -> bool:
    """Whether the workload answers at the port of some worker."""
    with requests.Session() as session:
        session.trust_env = False
        for worker in bay.machines('node'):
            try:
                address = bays.address(worker)
                if session.get(f'http://{address}:{NODE_PORT}/', timeout=2).ok:
                    return True
            except (requests.RequestException, ValueError):
                continue
    return False


def test_what_fails_is_undone(
    bay: Bay, client: Kubectl, programs: pathlib.Path, downloads: str
) -> None:
    """The API server does not know an option: its master has its former release again."""
    before = servers(bay, '')
    labels = bay_labels(programs, downloads, recipe.NEXT)
    with Watch(lambda: answers(bay)) as workload:
        bay.upgrade({**labels, 'kubeapi_options': '--no-such-option=1'})
        failed = bay.complete('UPDATE_FAILED')
    (master,) = bay.machines('master')
    assert master.facts.name in failed['status_reason']
    assert 'the step 60-control-plane failed' in failed['status_reason']
    assert 'unknown flag: --no-such-option' in failed['status_reason']
    assert f'it has the release {recipe.VERSION} again' in failed['status_reason']
    assert set(kubernetes.versions(client).values()) == {recipe.VERSION}
    assert f'Server Version: {recipe.VERSION}' in client('version', '--short')
    assert servers(bay, '') == before
    assert workload.longest < LONGEST_OF_WORKLOAD, f'until {workload.ended}'


def test_what_programs_ask_for_is_not_taken_away(
    bay: Bay, client: Kubectl, master: Machine
) -> None:
    """Of the release after the next one, by what the real API server tells of itself."""
    client('get', '--raw', '/apis/extensions/v1beta1/ingresses')
    done = bays.run(
        master, 'env', 'MAGNUM_SETTINGS=MAGNUM_KUBE_VERSION=v1.22.0', 'MAGNUM_SECONDS=60',
        '/opt/magnum/directives/upgrade.sh',
    )
    assert done.returncode == 1
    assert 'v1.22.0 leaves out: ingresses of extensions/v1beta1.' in done.stdout
    assert bays.run(master, 'test', '-e', '/var/lib/magnum/former').returncode == 1


def test_the_next_release_masters_first(
    bay: Bay, client: Kubectl, programs: pathlib.Path, downloads: str
) -> None:
    masters, workers = servers(bay, 'master'), servers(bay, 'node')

    def never_older() -> bool:
        """No worker is of a later release than the master."""
        found = client.run('get', 'nodes', '--output', 'json')
        if found.returncode:
            return True         # while the API server is restarted
        states = kubernetes.versions_in(json.loads(found.stdout))
        (master,) = (name for name in states if '-master-' in name)
        return all(release <= states[master] for release in states.values())

    with (
        Watch(lambda: answers(bay)) as workload,
        Watch(lambda: client.run('get', '--raw=/readyz', timeout=20).returncode == 0) as api,
    ):
        bay.upgrade(bay_labels(programs, downloads, recipe.NEXT))
        while bay.person.settled(bay.uuid) is None:
            assert never_older()
        bay.complete('UPDATE_COMPLETE')
    assert set(kubernetes.versions(client).values()) == {recipe.NEXT}
    assert f'Server Version: {recipe.NEXT}' in client('version', '--short')
    assert bay.document()['coe_version'] == recipe.NEXT
    assert servers(bay, 'master') == masters
    assert not servers(bay, 'node') & workers
    assert len(client.nodes()) == WORKERS + 1
    assert workload.longest < LONGEST_OF_WORKLOAD, f'until {workload.ended}'
    assert api.longest < LONGEST_WITHOUT_API, f'until {api.ended}'
    print(f'without the workload: {workload.longest:.1f} s, the API: {api.longest:.1f} s')


def test_cloud_init_again_undoes_nothing(bay: Bay, client: Kubectl, master: Machine) -> None:
    """It writes the settings anew that the master was made with, of the release before."""

    def is_back() -> bool:
        return client.run('get', '--raw=/readyz', '--request-timeout=5s').returncode == 0

    failures.run_cloud_init_again(bay, master, is_back)
    made_with = bays.output(master, 'cat', '/etc/magnum/node.env')
    assert f"MAGNUM_KUBE_VERSION='{recipe.VERSION}'" in made_with
    kubernetes.ready(client, WORKERS + 1)
    assert set(kubernetes.versions(client).values()) == {recipe.NEXT}
    assert f'Server Version: {recipe.NEXT}' in client('version', '--short')
    failures.health(bay, 'HEALTHY')


def test_what_etcd_had_before_is_kept(bay: Bay) -> None:
    (master,) = bay.machines('master')
    names = kubernetes.snapshots(master)
    assert all(name.endswith(f'-{recipe.VERSION}.db') for name in names), names
    status = bays.output(
        master, 'env', 'ETCDCTL_API=3', 'etcdctl', 'snapshot', 'status',
        f'{kubernetes.SNAPSHOTS}/{names[-1]}', '--write-out=json',
    )
    assert '"totalKey":' in status


def test_nodes_that_are_made_later_are_of_it(bay: Bay, client: Kubectl) -> None:
    bay.resize(WORKERS + 1)
    bay.complete('UPDATE_COMPLETE')
    assert list(kubernetes.versions(client).values()) == [recipe.NEXT] * (WORKERS + 2)


@pytest.mark.parametrize('release', [recipe.VERSION, 'v1.23.4'])
def test_no_way_leads_back_or_too_far(
    bay: Bay, programs: pathlib.Path, downloads: str, release: str
) -> None:
    labels: dict[str, Any] = {**bay_labels(programs, downloads), 'kube_tag': release}
    answer = bay.ask_upgrade(labels)
    assert answer.status_code == 400
    assert 'labels/kube_tag' in answer.text


def test_the_workload_is_there_at_the_end(bay: Bay, client: Kubectl) -> None:
    wait_until(lambda: len(client.pods(kubernetes.WEB)) == WORKERS + 1, 120, every=1)
    assert answers(bay)
