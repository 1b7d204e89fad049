"""Nodes that follow their bay to other authorities: the real scripts, openssl and curl.

Only systemd is made up, and the service is a small one.
"""

import os
import pathlib
import shutil
import stat
import subprocess
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from magnum.drivers import settings
from tests.unit import node_service
from tests.unit.drivers import node_files
from tests.unit.node_service import Authority, Service

pytestmark = pytest.mark.slow

SYSTEMCTL = """#!/bin/bash
echo "$*" >>@root/systemctl
unit=${*: -1}
case $1 in
    reload-or-restart | restart) [ ! -e "@root/broken-$unit" ] ;;
    cat) [ -e "@root/exists-$unit" ] ;;
    is-active) [ ! -e "@root/stopped-$unit" ] ;;
    show) if [ -e "@root/looping-$unit" ]; then echo "MainPID=$RANDOM$RANDOM"; fi ;;
esac
"""
DIES = """#!/bin/bash
echo x >>@root/@program-calls
if [ "$(wc -l <@root/@program-calls)" = @turn ]; then kill -9 $PPID; exit 1; fi
exec @real "$@"
"""


@pytest.fixture
def service() -> Iterator[Service]:
    with node_service.serve() as made_up:
        yield made_up


class Node:
    """A node whose paths lie in a folder.

    :param url: of the service.
    """

    def __init__(self, root: pathlib.Path, url: str):
        self.root = root
        self.certificates = root / 'etc/magnum/certificates'
        self.programs = root / 'usr/local/bin'
        for folder in ('etc/magnum', 'etc/systemd/system', 'run', 'usr/local/bin'):
            (root / folder).mkdir(parents=True)
        self.settings = {
            'MAGNUM_BAY_UUID': node_service.BAY,
            'MAGNUM_BAY_NAME': "it's a lab",
            'MAGNUM_BOOTSTRAP_URL': f'{url}/v1/bootstrap',
            'MAGNUM_BOOTSTRAP_TOKEN': 'token',
            'MAGNUM_CERTIFICATES': 'renewal server client-side',
            'MAGNUM_CERTIFICATE_NAMES_client_side': 'etcd.magnum other.magnum',
            'MAGNUM_TRUST_SECONDS': '300',
            'MAGNUM_NODE_NAME': 'node-0',
            'MAGNUM_NODE_ROLE': 'master',
            'MAGNUM_NODE_ADDRESS': '10.0.0.5',
            'MAGNUM_NODE_PUBLIC_ADDRESS': '',
            'MAGNUM_API_ADDRESS': '10.0.0.9',
            'MAGNUM_API_PUBLIC_ADDRESS': '172.24.0.9',
            'MAGNUM_VERIFY_CA': 'true',
            'MAGNUM_HTTP_PROXY': '',
            'MAGNUM_HTTPS_PROXY': '',
            'MAGNUM_NO_PROXY': '',
        }
        (root / 'etc/magnum/node.env').write_text(settings.shell(self.settings))
        node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        node_files.place(root, 'common/node/magnum-curl', 'usr/local/bin/magnum-curl')
        node_files.place_agent(root)
        self.trust = node_files.place(root, 'common/node/trust.sh', 'opt/magnum/trust.sh')
        text = self.trust.read_text()
        self.trust.write_text(
            text.replace('sleep 10', 'sleep 0').replace('wait_until 180', 'wait_until 0')
        )
        self.program('systemctl', SYSTEMCTL)

    def program(self, name: str, text: str) -> None:
        file = self.programs / name
        file.write_text(text.replace('@root', str(self.root)))
        file.chmod(0o755)

    def dies_at(self, program: str, turn: int) -> None:
        """The round is killed when it runs the program for the so manyeth time."""
        real = shutil.which(program)
        assert real
        self.program(
            program,
            DIES.replace('@program', program).replace('@turn', str(turn)).replace('@real', real),
        )

    def boot(self, *users: str) -> None:
        """Services of these names use certificates; one called etcd reads them by itself."""
        for step in ('11-register.sh', '95-trust.sh'):
            self.run(f'common/node/{step}')
        (self.certificates / 'renewal.key').unlink()
        names = ' '.join((*users, *users))
        self.bash(
            f'. {self.root}/opt/magnum/lib.sh; uses_authorities etcd; uses_certificates {names}'
        )

    def run(self, script: str) -> None:
        self.bash(str(node_files.place(self.root, script, f'opt/magnum/steps/{script}')))

    def bash(self, command: str) -> None:
        path = f'{self.programs}:{os.environ["PATH"]}'
        subprocess.run(
            ['bash', '-c', command], check=True, env={**self.settings, 'PATH': path}, timeout=60
        )
        (self.root / 'systemctl').write_text('')

    def round(self) -> subprocess.CompletedProcess[str]:
        """As systemd runs it: nearly without an environment."""
        return subprocess.run(
            [self.trust], capture_output=True, text=True, check=False, timeout=60,
            env={'PATH': os.environ['PATH']},
        )

    def files(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes() for path in self.certificates.iterdir() if path.is_file()
        }

    def systemctl(self, verb: str) -> list[str]:
        calls = (self.root / 'systemctl').read_text().splitlines()
        return [call.split()[-1] for call in calls if call.split()[0] == verb]


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service) -> Node:
    """One that has booted."""
    made_up = Node(tmp_path, service.url)
    made_up.boot('apiserver', 'kubelet')
    service.asked.clear()
    return made_up


def follows(node: Node, service: Service) -> None:
    """The node trusts what the bay trusts, has certificates of it, and said so."""
    files = node.files()
    assert files['ca.pem'] == files['trusted.pem'] == service.bundle.encode()
    assert service.confirmed == {'node-0': service.fingerprint}
    for purpose in ('server', 'client-side'):
        certificate = x509.load_pem_x509_certificate(files[f'{purpose}.pem'])
        certificate.verify_directly_issued_by(service.authorities[0].certificate)
        assert certificate.public_key() == service.keys['node-0', purpose]
    assert not (node.certificates / 'new').exists()
    modes = {
        name: stat.S_IMODE((node.certificates / name).stat().st_mode)
        for name in ('ca.pem', 'trusted.pem', 'server.key', 'server.pem')
    }
    assert modes == {
        'ca.pem': 0o644, 'trusted.pem': 0o644, 'server.key': 0o600, 'server.pem': 0o600
    }


def test_booting_asks_with_all_names(node: Node, service: Service) -> None:
    names = service.names['node-0', 'client-side']
    assert names.get_values_for_type(x509.DNSName) == [
        'node-0', 'localhost', 'etcd.magnum', 'other.magnum'
    ]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ['127.0.0.1', '10.0.0.5', '10.0.0.9', '172.24.0.9']


def test_the_timer_comes_often_and_not_everywhere_at_once(node: Node) -> None:
    timer = (node.root / 'etc/systemd/system/magnum-trust.timer').read_text()
    assert 'OnUnitActiveSec=300\n' in timer
    assert 'RandomizedDelaySec=75\n' in timer
    unit = (node.root / 'etc/systemd/system/magnum-trust.service').read_text()
    assert f'ExecStart={node.trust}\n' in unit


def test_nothing_new(node: Node, service: Service) -> None:
    before = node.files()
    assert node.round().returncode == 0
    assert service.asked == ['authorities']
    assert node.files() == before
    assert node.systemctl('reload-or-restart') == node.systemctl('restart') == []
    follows(node, service)


def test_a_rotation(node: Node, service: Service) -> None:
    keys = {name: text for name, text in node.files().items() if name.endswith('.key')}
    (old,), new = service.authorities, Authority()
    expected: list[str] = []
    restarts: list[int] = []
    for authorities in ([old, new], [new, old], [new]):
        service.authorities = authorities
        done = node.round()
        assert done.returncode == 0, done.stderr
        expected += ['apiserver', 'kubelet']
        assert node.systemctl('reload-or-restart') == expected
        follows(node, service)
        restarts.append(len(node.systemctl('restart')))
    # The second change is one of certificates only.
    assert restarts == [1, 1, 2]
    # Those of the authority that issues stay; the key of one is not there.
    assert service.asked == [
        'authorities', 'authorities',
        'authorities', 'certificates', 'authorities',
        'authorities', 'authorities',
    ]
    assert service.reissued == [['client-side', 'server']]
    assert {name: node.files()[name] for name in keys} == keys


def test_a_stand_in_serves_while_a_service_is_restarted(node: Node, service: Service) -> None:
    (node.root / 'exists-etcd-stand-in').touch()
    # It is a help, and no condition.
    for broken in (False, True):
        if broken:
            (node.root / 'broken-etcd-stand-in').touch()
        (node.root / 'systemctl').write_text('')
        service.authorities.append(Authority())
        done = node.round()
        assert done.returncode == 0, done.stderr
        calls = (node.root / 'systemctl').read_text().splitlines()
        assert calls[calls.index('cat etcd-stand-in') + 1:][:3] == [
            'restart etcd-stand-in', 'restart etcd', 'stop etcd-stand-in',
        ]
        follows(node, service)


@pytest.mark.parametrize('how', ['broken', 'stopped', 'looping'])
def test_services_that_do_not_run_are_not_confirmed(
    node: Node, service: Service, how: str
) -> None:
    service.authorities.insert(0, Authority())
    flaw = node.root / f'{how}-kubelet'
    flaw.touch()
    assert node.round().returncode != 0
    assert node.round().returncode != 0
    assert service.confirmed == {}
    assert 'trusted.pem' not in node.files()
    # Nor are they taken for trusting what they trusted before.
    service.authorities.reverse()
    assert node.round().returncode != 0
    assert service.confirmed == {}
    flaw.unlink()
    assert node.round().returncode == 0
    follows(node, service)


def test_all_that_fails_before_leaves_the_files(node: Node, service: Service) -> None:
    before = node.files()
    service.authorities.insert(0, Authority())
    service.refuses = {'client-side'}
    assert '401' in node.round().stderr
    service.refuses.clear()
    service.foreign = Authority()
    assert 'of another authority' in node.round().stdout
    service.foreign = None
    service.foreign_key = Authority().key.public_key()
    assert 'another key' in node.round().stdout
    service.foreign_key = None
    service.keys['node-0', 'server'] = Authority().key.public_key()
    assert '401' in node.round().stderr
    node_key = serialization.load_pem_private_key(before['server.key'], None)
    service.keys['node-0', 'server'] = node_key.public_key()
    kept = {name: node.files()[name] for name in before}
    assert kept == before
    assert node.systemctl('reload-or-restart') == []
    assert service.confirmed == {}
    assert node.round().returncode == 0
    follows(node, service)


def test_what_is_no_bundle_is_not_trusted(node: Node, service: Service) -> None:
    before = node.files()
    good = service.authorities[0].pem
    service.authorities[0].pem = '<html>Please log in</html>'
    assert node.round().returncode != 0
    assert {name: node.files()[name] for name in before} == before
    service.authorities[0].pem = good
    assert node.round().returncode == 0
    follows(node, service)


@pytest.mark.parametrize(
    ('program', 'turn', 'is_begun'),
    [
        ('sync', 1, False),
        ('mv', 1, True),
        ('mv', 2, True),
        ('mv', 3, True),
        ('sleep', 1, True),
        ('mv', 4, True),
    ],
)
def test_a_killed_round_is_finished_by_the_next_one(
    node: Node, service: Service, program: str, turn: int, is_begun: bool
) -> None:
    before = node.files()
    service.authorities.insert(0, Authority())
    node.dies_at(program, turn)
    assert node.round().returncode == -9
    assert service.confirmed == {}
    if is_begun:
        assert 'trusted.pem' not in node.files()
    else:
        assert {name: node.files()[name] for name in before} == before
    done = node.round()
    assert done.returncode == 0, done.stderr
    assert node.systemctl('reload-or-restart')[-2:] == ['apiserver', 'kubelet']
    # Whether the round that was killed had told it, nobody knows.
    assert node.systemctl('restart')[-1:] == ['etcd']
    follows(node, service)


def test_rounds_go_through_the_bays_proxy(node: Node, service: Service) -> None:
    node.settings |= {
        'MAGNUM_BOOTSTRAP_URL': 'http://containers.invalid/v1/bootstrap',
        'MAGNUM_HTTP_PROXY': service.url,
        'MAGNUM_NO_PROXY': 'localhost,127.0.0.1',
    }
    (node.root / 'etc/magnum/node.env').write_text(settings.shell(node.settings))
    done = node.round()
    assert done.returncode == 0, done.stderr
    follows(node, service)


def test_one_round_at_a_time(node: Node, service: Service) -> None:
    with subprocess.Popen(
        ['flock', f'{node.root}/run/magnum-trust.lock', 'cat'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(b'x\n')
        other.stdin.flush()
        other.stdout.readline()
        done = node.round()
        other.stdin.close()
    assert done.returncode == 0
    assert 'another round' in done.stdout
    assert service.asked == []


def test_without_a_key_there_is_nothing_to_ask_for(node: Node, service: Service) -> None:
    for key in node.certificates.glob('*.key'):
        key.unlink()
    done = node.round()
    assert (done.returncode, done.stderr) == (1, '')
    assert 'no key' in done.stdout
    assert service.asked == []


@pytest.mark.parametrize('route', ['authorities', 'certificates'])
def test_an_api_of_an_earlier_release_is_asked_again_by_the_next_round(
    node: Node, service: Service, route: str
) -> None:
    """As while the service is upgraded."""
    before = node.files()
    service.authorities.insert(0, Authority())
    service.denied = {route: (404, 'magnum.request.no_such_path')}
    done = node.round()
    assert (done.returncode, '404' in done.stderr) == (86, True)
    assert service.asked.count(route) == 1
    assert {name: node.files()[name] for name in before} == before
    service.denied.clear()
    assert node.round().returncode == 0
    follows(node, service)


@pytest.mark.parametrize('lost', ['key', 'signature'])
def test_the_key_of_a_certificate_alone_is_not_the_node(
    node: Node, service: Service, lost: str
) -> None:
    before = node.files()
    service.authorities.insert(0, Authority())
    key = node.root / 'etc/magnum/agent.key'
    kept = key.read_text()
    if lost == 'key':
        key.unlink()
    else:
        key.write_bytes(before['server.key'])
    assert node.round().returncode != 0
    assert {name: node.files()[name] for name in before} == before
    assert service.confirmed == {}
    assert service.reissued == []
    key.write_text(kept)
    assert node.round().returncode == 0
    follows(node, service)


def test_a_master_waits_for_its_turn(node: Node, service: Service) -> None:
    agent = node.root / 'opt/magnum/agent/following.py'
    text = agent.read_text()
    assert '(360, 5.0)' in text
    agent.write_text(text.replace('(360, 5.0)', '(11, 0.0)'))
    service.authorities.append(Authority())
    service.others = 10
    assert node.round().returncode == 0
    assert service.others == 0
    assert service.confirmed == {'node-0': service.fingerprint}


@pytest.mark.parametrize(
    ('minutes', 'is_renewed'),
    # Of a term that began an hour ago; authorities last for another hour.
    [(60, False), (45, False), (35, False), (15, True), (5, True)],
)
def test_certificates_are_renewed_before_they_end(
    tmp_path: pathlib.Path, service: Service, minutes: int, is_renewed: bool
) -> None:
    service.minutes = minutes
    node = Node(tmp_path, service.url)
    node.boot('apiserver')
    before = node.files()
    service.minutes = 59
    service.asked.clear()
    assert node.round().returncode == 0
    assert service.reissued == ([['client-side', 'server']] if is_renewed else [])
    changed = {name for name, text in node.files().items() if text != before[name]}
    assert changed == ({'server.pem', 'client-side.pem'} if is_renewed else set())
    assert node.systemctl('reload-or-restart') == (['apiserver'] if is_renewed else [])
    assert node.systemctl('restart') == []
    assert node.files()['trusted.pem'] == service.bundle.encode()


def test_a_renewal_that_is_refused_changes_nothing(
    tmp_path: pathlib.Path, service: Service
) -> None:
    service.minutes = 5
    node = Node(tmp_path, service.url)
    node.boot('apiserver')
    before = node.files()
    service.refuses = {'client-side'}
    assert node.round().returncode
    assert node.files() == before
    assert node.systemctl('reload-or-restart') == []


# Keys that masters encrypt with --------------------------------------------------------
OLD, NEW = (letter * 43 + '=' for letter in 'ab')
PHASES = (f'{OLD}\nbay-2 {NEW}', f'bay-2 {NEW}\n{OLD}', f'bay-2 {NEW}')


@pytest.fixture
def master(node: Node) -> Node:
    """One that encrypts; its API server is the service ``keys``."""
    (node.root / 'etc/magnum/encryption-key').write_text(OLD)
    hook = node.root / 'opt/magnum/keys_changed.sh'
    hook.write_text(f'#!/bin/sh\ncp {node.root}/etc/magnum/encryption-key {node.root}/runs-with\n')
    hook.chmod(0o755)
    node.bash(f'. {node.root}/opt/magnum/lib.sh; uses_authorities api; uses_keys api')
    return node


def _phase(service: Service, number: int, old: Authority, new: Authority) -> None:
    service.authorities = [[old, new], [new, old], [new]][number]
    service.encryption_key = PHASES[number]


def test_keys_come_with_the_authorities(master: Node, service: Service) -> None:
    (old,), new = service.authorities, Authority()
    for number in range(3):
        _phase(service, number, old, new)
        done = master.round()
        assert done.returncode == 0, done.stderr
        assert not any(key in done.stdout + done.stderr for key in (OLD, NEW))
        follows(master, service)
        file = master.root / 'etc/magnum/encryption-key'
        assert file.read_text() == PHASES[number] == (master.root / 'runs-with').read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        # Once a change, also where it is for its authorities.
        assert master.systemctl('restart').count('api') == number + 1
    assert OLD not in str(master.files())


def test_without_its_keys_a_master_does_not_follow(master: Node, service: Service) -> None:
    """An API of an earlier release answers."""
    (old,), new = service.authorities, Authority()
    service.authorities = [old, new]
    before = master.files()
    assert master.round().returncode != 0
    assert service.confirmed.get('node-0') != service.fingerprint
    assert master.files()['trusted.pem'] == before['trusted.pem']
    _phase(service, 0, old, new)
    assert master.round().returncode == 0
    follows(master, service)


@pytest.mark.parametrize('program', ['mv', 'cp', 'cmp', 'sync'])
@pytest.mark.parametrize('turn', [1, 2])
def test_a_round_that_is_killed_is_done_again_with_a_restart(
    master: Node, service: Service, program: str, turn: int
) -> None:
    (old,), new = service.authorities, Authority()
    _phase(service, 0, old, new)
    assert master.round().returncode == 0
    _phase(service, 1, old, new)
    (master.root / 'systemctl').write_text('')
    master.dies_at(program, turn)
    master.round()
    (master.programs / program).unlink()
    assert master.round().returncode == 0
    follows(master, service)
    assert (master.root / 'runs-with').read_text() == PHASES[1]
    assert 'api' in master.systemctl('restart')
