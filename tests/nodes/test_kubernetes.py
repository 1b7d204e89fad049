"""A Kubernetes bay on real machines, from nothing to a rotation of its authority."""

import base64
import contextlib
import json
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import requests
import yaml

from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.kubernetes import CERTIFICATES, WEB
from tests.nodes.watch import Watch
from tools.nodes.kubernetes import recipe
from tools.nodes.machine import Machine

WORKERS: Final = 2
WORD: Final = 'kept-while-keys-are-replaced'
#: Where a certificate from elsewhere is put on a machine, without the ending.
BROUGHT: Final = '/run/brought'
#: Pods of the deployment that has a budget of disruption.
GUARDED: Final = 2
#: A node group beside the default ones.
FURTHER: Final = 'further'
#: Seconds for which a resize waits in the test of a budget that allows nothing. In a fifth
#: of them the master says what is left: on a slow machine that takes more than eight.
DRAIN_TIMEOUT: Final = 90
#: Seconds for which a bay with one master may be without its API, as doc/source/user/tls.rst
#: has it. Measured on two cores: 1.0.
LONGEST_WITHOUT_API: Final = 15.0


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = kubernetes.create(alice, 'nodes-k8s', programs, downloads, node_count=WORKERS)
    yield made
    made.delete()


def master(bay: Bay) -> Machine:
    (found,) = bay.machines('master')
    return found


def workers(bay: Bay) -> set[str]:
    return {each.facts.name for each in bay.machines('node')}


def test_the_bay_is_complete_when_its_nodes_are_ready(client: Kubectl) -> None:
    states = client.nodes()
    assert list(states.values()) == ['True'] * (WORKERS + 1), states
    assert client('version', '--short').splitlines() == [
        f'Client Version: {recipe.VERSION}', f'Server Version: {recipe.VERSION}',
    ]


def test_users_without_a_certificate_of_the_bay_are_refused(
    client: Kubectl, tmp_path: pathlib.Path
) -> None:
    cluster = yaml.safe_load((client.folder / 'config').read_text())['clusters'][0]['cluster']
    authority = tmp_path / 'ca.pem'
    authority.write_bytes(base64.b64decode(cluster['certificate-authority-data']))
    other = docker.self_signed(tmp_path, 'admin')

    def ask(certificate: tuple[str, str] | None) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(
                f'{cluster["server"]}/api/v1/nodes', verify=str(authority), cert=certificate,
                timeout=20,
            )

    assert ask(None).status_code == 401
    assert ask((str(other / 'cert.pem'), str(other / 'key.pem'))).status_code == 401


def bring(machine: Machine, certificate: str, key: str) -> None:
    """Put a certificate from elsewhere on a machine."""
    for ending, text in (('pem', certificate), ('key', key)):
        assert bays.run(machine, 'tee', f'{BROUGHT}.{ending}', text=text).returncode == 0


def ask(machine: Machine, stem: str, where: str) -> subprocess.CompletedProcess[str]:
    """Ask a program of a machine there, with a certificate.

    :param where: port and path.
    """
    return bays.run(
        # In TLS 1.3 a client hears of its refusal later, or never.
        machine, 'curl', '--silent', '--show-error', '--fail', '--noproxy', '*',
        '--http1.1', '--tls-max', '1.2', '--cacert', f'{CERTIFICATES}/ca.pem',
        '--cert', f'{stem}.pem', '--key', f'{stem}.key',
        f'https://{machine.facts.address}:{where}',
    )


@pytest.mark.parametrize('port', [2379, 2380, 6443, 10250], ids=[
    'etcd', 'etcd of members', 'API server', 'kubelet',
])
def test_programs_refuse_a_foreign_certificate(
    bay: Bay, tmp_path: pathlib.Path, port: int
) -> None:
    """With one of the bay the same request is answered: the master's own."""
    machine = master(bay)
    other = docker.self_signed(tmp_path, 'etcd')
    bring(machine, (other / 'cert.pem').read_text(), (other / 'key.pem').read_text())
    path = {2379: 'version', 2380: 'members', 6443: 'api/v1/nodes', 10250: 'pods'}[port]
    own = {2379: 'etcd', 2380: 'etcd', 6443: 'admin', 10250: 'kubelet-client'}[port]
    refused = ask(machine, BROUGHT, f'{port}/{path}')
    assert refused.returncode != 0
    assert 'alert bad certificate' in refused.stderr or ' 401' in refused.stderr, refused.stderr
    answered = ask(machine, f'{CERTIFICATES}/{own}', f'{port}/{path}')
    assert answered.returncode == 0, answered.stderr


@pytest.mark.parametrize(('where', 'refusal'), [
    ('2379/version', 'alert bad certificate'), ('2380/members', 'alert bad certificate'),
    ('10250/pods', ' 403'), ('6443/api/v1/secrets', ' 403'),
])
def test_what_a_worker_has_opens_nothing_of_others(bay: Bay, where: str, refusal: str) -> None:
    """Its certificates are of the bay's own authority, as those of masters and users are."""
    machine, (worker, *_) = master(bay), bay.machines('node')
    names = bays.output(worker, 'ls', CERTIFICATES).split()
    purposes = [name.removesuffix('.key') for name in names if name.endswith('.key')]
    assert 'kubelet' in purposes
    for purpose in purposes:
        files = [
            bays.output(worker, 'cat', f'{CERTIFICATES}/{purpose}.{ending}')
            for ending in ('pem', 'key')
        ]
        bring(machine, *files)
        refused = ask(machine, BROUGHT, where)
        assert refused.returncode != 0, purpose
        assert refusal in refused.stderr, (purpose, refused.stderr)


@pytest.mark.parametrize('where', ['2379/version', '2380/members'])
def test_users_do_not_reach_etcd(bay: Bay, client: Kubectl, where: str) -> None:
    """Who may do all at the API server has a certificate of the same authority."""
    user = yaml.safe_load((client.folder / 'config').read_text())['users'][0]['user']
    machine = master(bay)
    bring(
        machine, base64.b64decode(user['client-certificate-data']).decode(),
        (client.folder / user['client-key']).read_text(),
    )
    refused = ask(machine, BROUGHT, where)
    assert refused.returncode != 0
    assert 'alert bad certificate' in refused.stderr, refused.stderr


def test_the_front_proxy_alone_speaks_for_others(bay: Bay, client: Kubectl) -> None:
    """As aggregated APIs hear of their users from the API server."""
    def ask(purpose: str) -> str:
        done = bays.run(
            master(bay), 'curl', '--silent', '--noproxy', '*', '--cacert', f'{CERTIFICATES}/ca.pem',
            '--cert', f'{CERTIFICATES}/{purpose}.pem', '--key', f'{CERTIFICATES}/{purpose}.key',
            '--header', 'X-Remote-User: somebody', '--header', 'X-Remote-Group: a-group',
            'https://127.0.0.1:6443/api/v1/nodes',
        )
        return str(json.loads(done.stdout).get('message', ''))

    assert 'User "somebody" cannot list' in ask('front-proxy')
    assert 'User "system:kube-proxy" cannot list' not in ask('kubelet')
    assert 'somebody' not in ask('kubelet')
    told = client.json(
        'get', 'configmap', 'extension-apiserver-authentication', '--namespace', 'kube-system'
    )
    assert json.loads(told['data']['requestheader-allowed-names']) == ['magnum:front-proxy']


# A workload --------------------------------------------------------------------------
@pytest.fixture(scope='module')
def workload(bay: Bay, client: Kubectl, downloads: str) -> None:
    kubernetes.run_web(client, downloads, WORKERS)


def test_every_node_answers_at_a_node_port(bay: Bay, client: Kubectl, workload: None) -> None:
    pods = client.pods(WEB)
    assert {pod['spec']['nodeName'] for pod in pods} == workers(bay)
    kubernetes.all_answer(bay, client, WORKERS)


def test_pods_reach_each_other_across_nodes(client: Kubectl, workload: None) -> None:
    one, other = client.pods(WEB)
    name, there = one['metadata']['name'], other['metadata']['name']
    assert one['spec']['nodeName'] != other['spec']['nodeName']
    said = client('exec', name, '--', 'wget', '-q', '-O-', f'http://{other["status"]["podIP"]}/')
    assert said == there
    assert client('exec', there, '--', 'hostname') == there


def test_pods_find_services_by_their_names(client: Kubectl, workload: None) -> None:
    pods = client.pods(WEB)
    name = 'web.default.svc.cluster.local'
    said = client('exec', pods[0]['metadata']['name'], '--', 'wget', '-q', '-O-', f'http://{name}/')
    assert said in {pod['metadata']['name'] for pod in pods}


def test_logs_come_from_every_node(bay: Bay, client: Kubectl, workload: None) -> None:
    command = ['/bin/sh', '-c', 'echo a line for the log; sleep 3600']
    client('apply', '-f', '-', stdin=yaml.safe_dump_all(
        {
            'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': f'log-{number}'},
            'spec': {
                'nodeName': node, 'terminationGracePeriodSeconds': 1,
                'containers': [{
                    'name': 'log', 'command': command,
                    'image': client.pods(WEB)[0]['spec']['containers'][0]['image'],
                }],
            },
        }
        for number, node in enumerate(sorted(workers(bay)))
    ))
    names = [f'log-{number}' for number in range(WORKERS)]
    wait_until(
        lambda: all('a line for the log' in client.run('logs', name).stdout for name in names),
        60, every=1,
    )
    client('delete', 'pod', '--wait=false', *names)


# Its life ----------------------------------------------------------------------------
def test_nodes_come_while_the_workload_runs(bay: Bay, client: Kubectl, workload: None) -> None:
    before = {pod['metadata']['uid'] for pod in client.pods(WEB)}
    bay.resize(WORKERS + 1)
    bay.complete('UPDATE_COMPLETE')
    kubernetes.ready(client, WORKERS + 2)
    kubernetes.all_answer(bay, client, WORKERS + 1)
    assert before <= {pod['metadata']['uid'] for pod in client.pods(WEB)}


@contextlib.contextmanager
def crowding(bay: Bay, client: Kubectl, downloads: str, crowded: str) -> Iterator[None]:
    """A deployment whose pods are all on one node; a budget is its test's."""
    others = workers(bay) - {crowded}
    client('cordon', *others)
    labels = {'app': 'guarded'}
    kubernetes.apply(client, {
        'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'guarded'},
        'spec': {
            'replicas': GUARDED, 'selector': {'matchLabels': labels},
            'template': {'metadata': {'labels': labels}, 'spec': {
                'terminationGracePeriodSeconds': 1,
                'containers': [{
                    'name': 'web', 'image': kubernetes.image(downloads),
                    # A pod in place of another is of use only after some time.
                    'readinessProbe': {
                        'httpGet': {'path': '/', 'port': 80}, 'initialDelaySeconds': 5,
                        'periodSeconds': 1,
                    },
                }],
            }},
        },
    })
    wait_until(lambda: len(client.pods('app=guarded')) == GUARDED, 60, every=1)
    client('uncordon', *others)
    assert {pod['spec']['nodeName'] for pod in client.pods('app=guarded')} == {crowded}
    yield
    client('delete', 'deployment/guarded', 'pdb/guarded')


@pytest.fixture
def guarded(bay: Bay, client: Kubectl, downloads: str) -> Iterator[str]:
    """The name of a node that is crowded."""
    crowded = min(workers(bay))
    with crowding(bay, client, downloads, crowded):
        yield crowded


def give_budget(client: Kubectl, least: int) -> None:
    """Let so many pods of the deployment be there at any time."""
    client('create', 'poddisruptionbudget', 'guarded', '--selector', 'app=guarded',
           f'--min-available={least}')


def machine_named(bay: Bay, name: str) -> Machine:
    (found,) = (each for each in bay.machines() if each.facts.name == name)
    return found


def leaves_as_budgets_allow(
    bay: Bay, client: Kubectl, name: str, verb: str, ask: Callable[[], None]
) -> None:
    """Have an operation take a crowded node away, and see what becomes of its pods."""
    give_budget(client, GUARDED - 1)
    least = [GUARDED]

    def look() -> bool:
        least.append(len(client.pods('app=guarded')))
        return least[-1] >= GUARDED - 1

    others = workers(bay) - {name}
    with Watch(look) as budget:
        ask()
        bay.complete('UPDATE_COMPLETE')
    print(f'pods of the deployment: {least}')
    # It has left the cluster when the operation has ended, and no other has.
    assert set(client.nodes()) == {*others, master(bay).facts.name}
    assert set(client.nodes().values()) == {'True'}
    # Nor do requests for services go where it was.
    assert {pod['spec']['nodeName'] for pod in client.pods(WEB)} == others
    assert workers(bay) == others
    assert budget.answers > 5
    assert min(least) >= GUARDED - 1
    assert {pod['spec']['nodeName'] for pod in client.pods('app=guarded')} <= others
    assert name in bay.events()[f'bay.{verb}.drained']
    assert name in bay.events()[f'bay.{verb}.removed']
    kubernetes.all_answer(bay, client, WORKERS)


def test_the_named_node_is_drained_as_budgets_allow(
    bay: Bay, client: Kubectl, workload: None, guarded: str
) -> None:
    named = machine_named(bay, guarded).facts.id
    leaves_as_budgets_allow(
        bay, client, guarded, 'resize', lambda: bay.resize(WORKERS, named)
    )


def test_a_node_group_that_is_deleted_is_drained_as_budgets_allow(
    bay: Bay, client: Kubectl, downloads: str, workload: None
) -> None:
    before = workers(bay)
    bay.create_nodegroup(FURTHER, 1)
    (name,) = workers(bay) - before
    kubernetes.all_answer(bay, client, WORKERS + 1)
    with crowding(bay, client, downloads, name):
        leaves_as_budgets_allow(
            bay, client, name, 'delete_nodegroup', lambda: bay.delete_nodegroup(FURTHER)
        )


@pytest.fixture
def brief_drains(magnum: magnum_service.Process, url: str) -> Iterator[None]:
    """Nobody waits long for a node to be drained."""
    for options in (f'[nodes]\ndrain_timeout = {DRAIN_TIMEOUT}\n', ''):
        magnum.stop()
        magnum.start(options=options)
        magnum_service.wait_for_api(magnum, url=url)
        if options:
            yield


@pytest.fixture
def as_large_as_before(bay: Bay) -> Iterator[None]:
    """However the test ends, those after it have as many workers as they expect."""
    yield
    wait_until(lambda: bay.person.settled(bay.uuid))
    bay.resize(WORKERS)
    bay.complete('UPDATE_COMPLETE')


def test_a_budget_that_allows_nothing_delays_a_resize_and_is_told(
    bay: Bay, client: Kubectl, workload: None, brief_drains: None, as_large_as_before: None,
    guarded: str,
) -> None:
    """The node goes without being drained when the time for that is over."""
    give_budget(client, GUARDED)
    others = workers(bay) - {guarded}
    bay.resize(WORKERS - 1, machine_named(bay, guarded).facts.id)
    began = time.monotonic()
    bay.stays(lambda: time.monotonic() > began + DRAIN_TIMEOUT / 2
              or len(client.pods('app=guarded')) == GUARDED, 'UPDATE_COMPLETE')
    assert set(client.nodes()) == {*others, master(bay).facts.name}
    told = bay.events()['bay.resize.not_drained']
    assert f'pods left on {guarded}' in told
    assert client.json('get', 'pods', '--selector', 'app=guarded')['items'][0][
        'metadata']['name'].rpartition('-')[0] in told
    # What ran there is not waited for: it runs elsewhere as its node is gone.
    wait_until(lambda: len(client.pods('app=guarded')) == GUARDED, 60, every=1)
    assert {pod['spec']['nodeName'] for pod in client.pods('app=guarded')} == others


def test_a_worker_comes_back_from_a_reboot(bay: Bay, client: Kubectl, workload: None) -> None:
    bay.reboot(bay.machines('node')[0])
    kubernetes.all_answer(bay, client, WORKERS)


def test_the_master_comes_back_from_a_reboot(bay: Bay, client: Kubectl, workload: None) -> None:
    bay.reboot(master(bay))
    kubernetes.all_answer(bay, client, WORKERS)


def test_all_come_back_from_a_loss_of_power(bay: Bay, client: Kubectl, workload: None) -> None:
    for machine in bay.machines():
        machine.power_off()
    bay.start(*bay.machines())
    kubernetes.all_answer(bay, client, WORKERS)


def printed(bay: Bay, script: str) -> str:
    """What a script that has to succeed prints on the master."""
    return bays.output(master(bay), 'bash', '-c', script)


def encryption_keys(bay: Bay) -> dict[str, str]:
    """Keys by their names, as the master has them."""
    text = printed(bay, 'cat /etc/kubernetes/encryption.yaml')
    (resource,) = yaml.safe_load(text)['resources']
    keys = resource['providers'][0]['secretbox']['keys']
    return {key['name']: key['secret'] for key in keys}


def in_etcd(bay: Bay, name: str) -> str:
    """What etcd keeps of something, base64."""
    return printed(
        bay,
        'ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:2379 '
        f'--cacert={CERTIFICATES}/ca.pem --cert={CERTIFICATES}/etcd.pem '
        f'--key={CERTIFICATES}/etcd.key get --print-value-only {name} | base64 --wrap=0',
    )


def encrypted_by(bay: Bay, secret: str) -> str:
    """Name of the key by which etcd keeps a secret."""
    kept = base64.b64decode(in_etcd(bay, f'/registry/secrets/default/{secret}'))
    assert kept.startswith(b'k8s:enc:secretbox:v1:')
    return kept.split(b':')[4].decode()


def service_account_key(bay: Bay) -> str:
    """As etcd has it."""
    return in_etcd(bay, '/magnum/service-account-key')


# A rotation of the authority ---------------------------------------------------------
def test_a_rotation_leaves_workload_and_users_alone(
    bay: Bay, client: Kubectl, workload: None, tmp_path: pathlib.Path
) -> None:
    before = kubernetes.containers(client)
    client('create', 'secret', 'generic', 'kept', f'--from-literal=word={WORD}')
    first = encryption_keys(bay)
    assert list(first) == ['bay']
    assert encrypted_by(bay, 'kept') == 'bay'
    signing = service_account_key(bay)
    user = kubernetes.User(bay, client, tmp_path)

    def former_is_answered() -> bool:
        """Until the master has certificates of the other authority, which it does not know."""
        known = client.run('get', '--raw', '/api/v1/namespaces', '--request-timeout=5s')
        return known.returncode == 0 or bay.has_begun('switch_authority')

    with Watch(user.is_answered, every=1) as api, Watch(former_is_answered, every=1) as former:
        bay.rotate_authority()
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: {api.longest:.1f} s, up to {api.ended} '
          f'({api.answers} answers), by the files of before {former.longest:.1f} s')
    newest = user.clients[-1]
    kubernetes.all_answer(bay, newest, WORKERS)
    assert kubernetes.containers(newest) == before
    # The files from before are of an authority that is trusted no more.
    assert client.run('get', 'nodes').returncode != 0
    assert max(api.longest, former.longest) < LONGEST_WITHOUT_API, user.errors
    # So is the key with which the master encrypts, and everything is written anew.
    ((name, key),) = encryption_keys(bay).items()
    assert name != 'bay'
    assert key not in first.values()
    assert encrypted_by(bay, 'kept') == name
    assert newest('get', 'secret', 'kept', '--output', 'jsonpath={.data.word}') == (
        base64.b64encode(WORD.encode()).decode()
    )
    assert service_account_key(bay) != signing, 'etcd has it encrypted anew'
    found = printed(
        bay, f'grep -rlF -e {first["bay"]} /etc /opt/magnum /var/log /var/lib/cloud || true'
    )
    assert found == ''
