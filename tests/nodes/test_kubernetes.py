"""A Kubernetes bay on real machines, from nothing to a rotation of its authority."""

import base64
import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest
import requests
import yaml

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker, kubectl
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.watch import Watch
from tools.common import network
from tools.nodes import web
from tools.nodes.kubernetes import build, recipe
from tools.nodes.machine import Machine
from tools.nodes.workload import answer

WORKERS: Final = 2
NODE_PORT: Final = 30080
WEB: Final = 'app=web'
#: Seconds for which a bay with one master may be without its API, as doc/source/user/tls.rst
#: has it. Measured on two cores: 12.3 at a load of 14 to 35, 23.3 at one of about 25.
LONGEST_WITHOUT_API: Final = 30.0
CERTIFICATES: Final = '/etc/magnum/certificates'


@pytest.fixture(scope='module')
def programs() -> pathlib.Path:
    """The programs of Kubernetes, built unless they were before."""
    return build.programs()


@pytest.fixture(scope='module')
def downloads(programs: pathlib.Path) -> Iterator[str]:
    """Where nodes download."""
    port = network.find_free()
    with web.running(programs, network.IP, port):
        yield f'{network.IP}:{port}'


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = bays.create(
        alice, 'nodes-kubernetes', 'kubernetes', node_count=WORKERS, insecure_registry=downloads,
        labels={
            'kube_tag': recipe.VERSION,
            'kube_binaries_url': f'http://{downloads}/release',
            'kube_binaries_digests': web.digests(programs),
            'flannel_binaries_url': f'http://{downloads}/flannel',
            'container_infra_prefix': f'{downloads}/bay/',
            'node_ports_allowed_cidrs': '0.0.0.0/0',
        },
    )
    made.complete('CREATE_COMPLETE')
    yield made
    made.delete()


@pytest.fixture(scope='module')
def client(bay: Bay, programs: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    folder = tmp_path_factory.mktemp('kubectl') / 'files'
    return kubectl.configured(bay.person, bay.uuid, programs / 'kubectl', folder)


def master(bay: Bay) -> Machine:
    (found,) = bay.machines('master')
    return found


def workers(bay: Bay) -> set[str]:
    return {each.facts.name for each in bay.machines('node')}


def ready(client: Kubectl, count: int, seconds: float = 300) -> None:
    """Wait until so many nodes are ready, and there are no others."""

    def look() -> bool:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            states = client.nodes()
            return len(states) == count and set(states.values()) == {'True'}
        return False

    wait_until(look, seconds, every=1)


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

    nobody = ask(None)
    assert nobody.status_code == 403
    assert 'User "system:anonymous" cannot list' in nobody.json()['message']
    assert ask((str(other / 'cert.pem'), str(other / 'key.pem'))).status_code == 401


@pytest.mark.parametrize('port', [2379, 2380, 6443, 10250], ids=[
    'etcd', 'etcd of members', 'API server', 'kubelet',
])
def test_programs_refuse_a_foreign_certificate(
    bay: Bay, tmp_path: pathlib.Path, port: int
) -> None:
    """With one of the bay the same request is answered: the master's own."""
    machine = master(bay)
    other = docker.self_signed(tmp_path, 'etcd')
    for name, path in {'cert.pem': '/run/foreign.pem', 'key.pem': '/run/foreign.key'}.items():
        assert bays.run(machine, 'tee', path, text=(other / name).read_text()).returncode == 0
    url = f'https://{machine.facts.address}:{port}/' + {
        2379: 'version', 2380: 'members', 6443: 'api/v1/nodes', 10250: 'pods',
    }[port]
    own = {2379: 'etcd', 2380: 'etcd', 6443: 'admin', 10250: 'kubelet-client'}[port]

    def ask(stem: str) -> subprocess.CompletedProcess[str]:
        return bays.run(
            # In TLS 1.3 a client hears of its refusal later, or never.
            machine, 'curl', '--silent', '--show-error', '--fail', '--noproxy', '*',
            '--http1.1', '--tls-max', '1.2', '--cacert', f'{CERTIFICATES}/ca.pem',
            '--cert', f'{stem}.pem', '--key', f'{stem}.key', url,
        )

    refused = ask('/run/foreign')
    assert refused.returncode != 0
    assert 'alert bad certificate' in refused.stderr or ' 401' in refused.stderr, refused.stderr
    answered = ask(f'{CERTIFICATES}/{own}')
    assert answered.returncode == 0, answered.stderr


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
    """Pods on every worker, which say their names on port 80, and on a port of all nodes."""
    labels = {'app': 'web'}
    container = {
        'name': 'web', 'image': f'{downloads}/bay/web:1', 'ports': [{'containerPort': 80}],
        'readinessProbe': {'httpGet': {'path': '/', 'port': 80}, 'periodSeconds': 2},
    }
    objects = [
        {
            'apiVersion': 'apps/v1', 'kind': 'DaemonSet', 'metadata': {'name': 'web'},
            'spec': {
                'selector': {'matchLabels': labels},
                'template': {'metadata': {'labels': labels}, 'spec': {
                    'containers': [container], 'terminationGracePeriodSeconds': 2,
                }},
            },
        },
        {
            'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'},
            'spec': {
                'type': 'NodePort', 'selector': labels,
                'ports': [{'port': 80, 'nodePort': NODE_PORT}],
            },
        },
    ]
    client('apply', '-f', '-', stdin=yaml.safe_dump_all(objects))
    wait_until(lambda: len(client.pods(WEB)) == WORKERS, 180, every=1)


def all_answer(bay: Bay, client: Kubectl, count: int, seconds: float = 180) -> None:
    """Wait until every worker has a pod, and passes requests on."""

    def look() -> bool:
        with contextlib.suppress(AssertionError):
            pods = {pod['metadata']['name'] for pod in client.pods(WEB)}
            addresses = bay.document()['node_addresses']
            found = [answer(address, NODE_PORT) for address in addresses]
            return len(pods) == len(found) == count and set(found) <= pods
        return False

    wait_until(look, seconds, every=1)


def test_every_node_answers_at_a_node_port(bay: Bay, client: Kubectl, workload: None) -> None:
    pods = client.pods(WEB)
    assert {pod['spec']['nodeName'] for pod in pods} == workers(bay)
    all_answer(bay, client, WORKERS)


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
    ready(client, WORKERS + 2)
    all_answer(bay, client, WORKERS + 1)
    assert before <= {pod['metadata']['uid'] for pod in client.pods(WEB)}


def test_nodes_that_go_leave_the_cluster(bay: Bay, client: Kubectl, workload: None) -> None:
    bay.resize(WORKERS)
    bay.complete('UPDATE_COMPLETE')
    ready(client, WORKERS + 1, seconds=60)


def test_a_worker_comes_back_from_a_reboot(bay: Bay, client: Kubectl, workload: None) -> None:
    bay.reboot(bay.machines('node')[0])
    all_answer(bay, client, WORKERS)


def test_the_master_comes_back_from_a_reboot(bay: Bay, client: Kubectl, workload: None) -> None:
    bay.reboot(master(bay))
    all_answer(bay, client, WORKERS)


def test_all_come_back_from_a_loss_of_power(bay: Bay, client: Kubectl, workload: None) -> None:
    for machine in bay.machines():
        machine.power_off()
    compute = bay.person.service('compute')

    def off() -> bool:
        servers = [
            compute.get(f'/servers/{machine.facts.id}').json()['server']
            for machine in bay.machines()
        ]
        return {server['status'] for server in servers} == {'SHUTOFF'}

    wait_until(off, 60, every=1)
    for machine in bay.machines():
        bay.act(machine, 'os-start')
    all_answer(bay, client, WORKERS)


# A rotation of the authority ---------------------------------------------------------
class User:
    """A user who asks the API, with new files when the bay trusts another authority.

    :ivar clients: the newest last.
    :ivar errors: what came instead of answers.
    """

    def __init__(self, bay: Bay, client: Kubectl, folder: pathlib.Path):
        self._bay = bay
        self._folder = folder
        self._trusted = self._trusts()
        self.clients = [client]
        self.errors: set[str] = set()

    def is_answered(self) -> bool:
        """Whether the API answers by one of the configurations, first by the newest."""
        self._refresh()
        return any(self._ask(client) for client in reversed(self.clients))

    def _trusts(self) -> str:
        return str(self._bay.person.get(f'/certificates/{self._bay.uuid}')['pem'])

    def _refresh(self) -> None:
        trusted = self._trusts()
        if trusted != self._trusted:
            folder = self._folder / f'generation-{len(self.clients)}'
            self.clients.append(kubectl.configured(
                self._bay.person, self._bay.uuid, self.clients[0].program, folder
            ))
            self._trusted = trusted

    def _ask(self, client: Kubectl) -> bool:
        try:
            done = client.run('get', '--raw', '/api/v1/namespaces', '--request-timeout=5s')
        except subprocess.TimeoutExpired as error:
            self.errors.add(str(error))
            return False
        if done.returncode:
            self.errors.add(done.stderr.strip())
        return not done.returncode


def containers(client: Kubectl) -> set[str]:
    return {
        status['containerID']
        for pod in client.pods(WEB) for status in pod['status']['containerStatuses']
    }


def test_a_rotation_leaves_workload_and_users_alone(
    bay: Bay, client: Kubectl, workload: None, tmp_path: pathlib.Path
) -> None:
    before = containers(client)
    user = User(bay, client, tmp_path)
    with Watch(user.is_answered, every=1) as api:
        bay.rotate_authority()
        bay.complete('UPDATE_COMPLETE')
    print(f'longest without an answer: {api.longest:.1f} s ({api.answers} answers)')
    newest = user.clients[-1]
    all_answer(bay, newest, WORKERS)
    assert containers(newest) == before
    # The files from before are of an authority that is trusted no more.
    assert client.run('get', 'nodes').returncode != 0
    assert api.longest < LONGEST_WITHOUT_API, user.errors
