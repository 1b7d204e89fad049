"""A Kubernetes bay of three masters behind a load balancer: losses that it outlives."""

import contextlib
import functools
import itertools
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.kubernetes import CERTIFICATES
from tests.nodes.watch import Watch
from tools.nodes.kubernetes import recipe
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine
from tools.nodes.workload import answer

MASTERS: Final = 3
#: Seconds for which no master may answer while one of them takes over another authority.
LONGEST_OF_ALL: Final = 2.0
#: Seconds for which no other master may answer while etcd elects another leader.
LONGEST_OF_ELECTION: Final = 5.0
#: Seconds without an answer after which a master was restarted, and not only slow.
RESTART: Final = 5.0
#: Seconds for which the load balancer may lead to one that is gone.
LONGEST_OF_BALANCER: Final = 15.0
#: The workload needs no master.
LONGEST_OF_WORKLOAD: Final = 5.0


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = kubernetes.create(
        alice, 'nodes-masters', programs, downloads, master_count=MASTERS, node_count=1,
        master_lb_enabled=True,
    )
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(client_of_web: Kubectl) -> Kubectl:
    return client_of_web


def serves(master: Machine) -> bool:
    """Whether the API server of a master is ready, asked by the master itself."""
    done = bays.run(
        master, 'curl', '--silent', '--fail', '--noproxy', '*', '--max-time', '4',
        '--cacert', f'{CERTIFICATES}/ca.pem', '--cert', f'{CERTIFICATES}/admin.pem',
        '--key', f'{CERTIFICATES}/admin.key', 'https://127.0.0.1:6443/readyz',
    )
    return done.stdout == 'ok'


def members(master: Machine) -> list[dict[str, Any]]:
    """Members of etcd that answer, as one of them sees it."""
    done = bays.run(
        master, 'env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints=https://127.0.0.1:2379',
        f'--cacert={CERTIFICATES}/ca.pem', f'--cert={CERTIFICATES}/etcd.pem',
        f'--key={CERTIFICATES}/etcd.key', 'endpoint', 'status', '--cluster',
        '--write-out=json',
    )
    found: list[dict[str, Any]] = [each['Status'] for each in json.loads(done.stdout or '[]')]
    return found


def is_whole(bay: Bay) -> bool:
    """Whether etcd has all members with one leader, and every API server is ready."""
    masters = bay.machines('master')
    found = members(masters[0])
    return (
        len(found) == MASTERS
        and len({each['leader'] for each in found}) == 1
        and all(serves(each) for each in masters)
    )


def leader(bay: Bay) -> Machine:
    """The master whose etcd leads."""
    (found,) = (each for each in bay.machines('master') if leads(each))
    return found


def leads(master: Machine) -> bool:
    """Whether a master's own etcd leads."""
    done = bays.run(
        master, 'curl', '--silent', '--noproxy', '*', '--cacert', f'{CERTIFICATES}/ca.pem',
        '--cert', f'{CERTIFICATES}/etcd.pem', '--key', f'{CERTIFICATES}/etcd.key',
        'https://127.0.0.1:2379/metrics',
    )
    return '\netcd_server_is_leader 1\n' in done.stdout


class Answers:
    """When masters answered, each asked again and again until the end of the block."""

    def __init__(self, masters: list[Machine]):
        self._watches = contextlib.ExitStack()
        self._times: dict[str, list[float]] = {each.facts.name: [] for each in masters}
        self._masters = masters

    def __enter__(self) -> 'Answers':
        for each in self._masters:
            self._watches.enter_context(Watch(functools.partial(self._ask, each)))
        return self

    def __exit__(self, *details: Any) -> None:
        self._watches.close()

    def _ask(self, master: Machine) -> bool:
        answered = serves(master)
        if answered:
            self._times[master.facts.name].append(time.monotonic())
        return answered

    def longest(self) -> float:
        """Seconds between two answers, whoever gave them."""
        times = sorted(itertools.chain(*self._times.values()))
        return max(later - before for before, later in itertools.pairwise(times))

    def silent_at_once(self) -> list[tuple[str, str]]:
        """Masters that were restarted at the same time."""
        found = {
            name: [pair for pair in itertools.pairwise(times) if pair[1] - pair[0] > RESTART]
            for name, times in self._times.items()
        }
        assert all(found.values()), f'a master was not restarted: {found}'
        return [
            (one, other) for one, other in itertools.combinations(found, 2)
            for first in found[one] for second in found[other]
            if max(first[0], second[0]) < min(first[1], second[1])
        ]


def test_three_masters_are_one_control_plane(bay: Bay, client: Kubectl) -> None:
    states = client.nodes()
    assert list(states.values()) == ['True'] * (MASTERS + 1), states
    assert is_whole(bay)
    assert sum(leads(each) for each in bay.machines('master')) == 1
    document = bay.document()
    assert document['api_address'] not in {
        f'https://{address}:6443' for address in document['master_addresses']
    }


def test_the_api_outlives_the_master_whose_etcd_leads(
    bay: Bay, client: Kubectl, tmp_path: pathlib.Path
) -> None:
    """It loses its power; etcd elects another leader."""
    lost = leader(bay)
    others = [each for each in bay.machines('master') if each.facts.id != lost.facts.id]
    user = kubernetes.User(bay, client, tmp_path)
    with Answers(others) as answers, Watch(user.is_answered) as balanced:
        lost.power_off()
        wait_until(
            lambda: client.run('create', 'configmap', 'written', '--request-timeout=5s')
            .returncode == 0, 60, every=1,
        )
        wait_until(lambda: client.nodes()[lost.facts.name] == 'Unknown', 120, every=1)
    print(f'longest without an answer: other masters {answers.longest():.1f} s, '
          f'load balancer {balanced.longest:.1f} s')
    assert sum(leads(each) for each in others) == 1
    assert answers.longest() < LONGEST_OF_ELECTION
    assert balanced.longest < LONGEST_OF_BALANCER, user.errors
    kubernetes.all_answer(bay, client, 1)
    bay.start(lost)
    wait_until(lambda: is_whole(bay), 180, every=2)
    kubernetes.ready(client, MASTERS + 1)


def test_all_nodes_come_back_after_the_power_of_all_was_lost(
    bay: Bay, client: Kubectl
) -> None:
    """By themselves, with all that etcd kept; nothing is made anew."""
    before = bay.machines()
    client('create', 'configmap', 'outlives', '--from-literal=a=b')
    for each in before:
        each.power_off()
    bay.start(*before)
    began = time.monotonic()
    wait_until(lambda: is_whole(bay), 300, every=2)
    kubernetes.ready(client, MASTERS + 1)
    print(f'whole {time.monotonic() - began:.0f} s after the power was back')
    assert client('get', 'configmap', 'outlives', '--output', 'jsonpath={.data.a}') == 'b'
    kubernetes.all_answer(bay, client, 1)
    assert bays.ids(bay.machines()) == bays.ids(before)
    assert bay.document()['status'] == 'CREATE_COMPLETE'


def test_masters_take_over_the_next_release_one_at_a_time(
    bay: Bay,
    client: Kubectl,
    programs: pathlib.Path,
    downloads: str,
    magnum: magnum_service.Process,
    url: str,
) -> None:
    """It is cancelled between two of them, tried again, and its service is killed."""
    masters = bays.ids(bay.machines('master'))

    def is_answered() -> bool:
        return client.run('get', '--raw=/api/v1/nodes', '--request-timeout=5s').returncode == 0

    def are_of_both() -> bool:
        found = client.run('get', 'nodes', '--output', 'json', '--request-timeout=5s')
        if found.returncode:
            return False        # while the balancer leads to one that is restarted
        releases = kubernetes.versions_in(json.loads(found.stdout))
        return len({releases[name] for name in releases if '-master-' in name}) == 2

    with Answers(bay.machines('master')) as answers, Watch(is_answered) as balanced:
        bay.upgrade(bay_labels(programs, downloads, recipe.NEXT))
        wait_until(are_of_both, 600, every=1)
        bay.act_on_operation('cancel')
        cancelled = bay.complete('UPDATE_FAILED')
        assert 'Cancelled by the user' in cancelled['status_reason']
        wait_until(are_of_both, 60, every=1)
        wait_until(lambda: is_whole(bay), 120, every=2)
        bay.act_on_operation('retry')
        magnum.kill()
        magnum.start()
        magnum_service.wait_for_api(magnum, url=url)
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: all masters {answers.longest():.1f} s, '
          f'load balancer {balanced.longest:.1f} s ({balanced.answers} answers)')
    assert set(kubernetes.versions(client).values()) == {recipe.NEXT}
    assert bays.ids(bay.machines('master')) == masters
    assert answers.longest() < LONGEST_OF_ELECTION
    assert not answers.silent_at_once()
    assert balanced.longest < LONGEST_OF_BALANCER
    wait_until(lambda: is_whole(bay), 60, every=2)
    kubernetes.all_answer(bay, client, 1)


def test_masters_take_over_another_authority_one_at_a_time(
    bay: Bay, client: Kubectl, tmp_path: pathlib.Path
) -> None:
    before = kubernetes.containers(client)
    user = kubernetes.User(bay, client, tmp_path)
    with Answers(bay.machines('master')) as answers, Watch(user.is_answered) as balanced:
        bay.rotate_authority()
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: all masters {answers.longest():.1f} s, '
          f'load balancer {balanced.longest:.1f} s ({balanced.answers} answers)')
    newest = user.clients[-1]
    assert answers.longest() < LONGEST_OF_ALL
    assert not answers.silent_at_once()
    assert balanced.longest < LONGEST_OF_BALANCER, user.errors
    assert kubernetes.containers(newest) == before
    kubernetes.all_answer(bay, newest, 1)
    assert is_whole(bay)


@pytest.mark.usefixtures('client')      # what it runs is looked for at the end
def test_masters_are_replaced_one_at_a_time_the_lost_one_first(
    bay: Bay,
    programs: pathlib.Path,
    magnum: magnum_service.Process,
    url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """That is the one whose etcd leads; it comes back without anything of what it kept.

    The service is killed while the first is made anew; the operation is cancelled, and tried
    again, at the second.
    """
    client = kubernetes.client(bay, programs, tmp_path_factory)     # of the authority of now
    before, worker = bay.machines('master'), bay.machines('node')
    lost = leader(bay)
    client('create', 'configmap', 'kept', '--from-literal=a=b')

    def is_answered() -> bool:
        return client.run('get', '--raw=/api/v1/nodes', '--request-timeout=5s').returncode == 0

    def works() -> bool:
        """The workload, by the port of its service at a worker."""
        return answer(bays.address(worker[0]), kubernetes.NODE_PORT) is not None

    def are_new(count: int) -> bool:
        return len(bays.ids(bay.machines('master')) - bays.ids(before)) == count

    options = '[nodes]\nsilent_after = 45\n'
    with magnum_service.restarted(magnum, options, url):
        lost.power_off()
        # For a moment others may count as silent: until now nodes were written less often.
        alone = f'{MASTERS} of {MASTERS + 1} nodes report; silent: {lost.facts.name}'
        wait_until(
            lambda: bay.document()['health_status_reason'].get('NodesReporting') == alone, 180
        )
        with Watch(is_answered) as balanced, Watch(works) as workload:
            bay.renew_masters()
            wait_until(lambda: are_new(1), 600, every=1)
            magnum.kill()
            magnum.start(options=options)
            magnum_service.wait_for_api(magnum, url=url)
            wait_until(lambda: are_new(2), 900, every=1)
            bay.act_on_operation('cancel')
            bay.complete('UPDATE_FAILED')
            bay.act_on_operation('retry')
            bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: load balancer {balanced.longest:.1f} s '
          f'({balanced.answers} answers), workload {workload.longest:.1f} s')
    now = bay.machines('master')
    assert not bays.ids(before) & bays.ids(now)
    assert [each.facts.address for each in now] == [each.facts.address for each in before]
    assert bays.ids(bay.machines('node')) == bays.ids(worker)
    assert any(kubernetes.snapshots(each) for each in now), 'of before the last one went'
    wait_until(lambda: is_whole(bay), 120, every=2)
    assert client('get', 'configmap', 'kept', '--output', 'jsonpath={.data.a}') == 'b'
    kubernetes.ready(client, MASTERS + 1)
    kubernetes.all_answer(bay, client, 1)
    assert balanced.longest < LONGEST_OF_BALANCER
    assert workload.longest < LONGEST_OF_WORKLOAD
