"""The metadata service and containers: the real script in real network namespaces."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from magnum.drivers.contract import Driver
from tests.unit.drivers import hot, node_files, plans

pytestmark = pytest.mark.slow

in_namespaces = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which('iptables') or not shutil.which('ip'),
    reason='network namespaces and their rules need root, ip and iptables',
)

METADATA = '169.254.169.254'
ELSEWHERE = '192.0.2.7'
#: An address of the bay that stands for the metadata service.
STANDS_FOR_IT = '192.0.2.8'
SERVER = """
import socket
server = socket.create_server(('0.0.0.0', 80))
print('listening', flush=True)
while True:
    server.accept()[0].close()
"""


def run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=check, timeout=60)
    return done.stdout


class World:
    """A cloud, a node in it, and a container behind the node."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        mark = uuid.uuid4().hex[:6]
        self.cloud, self.node, self.pod = (f'{name}-{mark}' for name in ('cloud', 'node', 'pod'))
        self.mark = mark
        self.systemctl = root / 'systemctl'
        self.server: subprocess.Popen[str] | None = None

    def make(self) -> None:
        for name in (self.cloud, self.node, self.pod):
            run('ip', 'netns', 'add', name)
            self.ip(name, 'link set lo up')
        self._link('up', self.node, '10.0.0.5/24', self.cloud, '10.0.0.1/24')
        self._link('down', self.node, '10.88.0.1/24', self.pod, '10.88.0.2/24')
        for address in (METADATA, ELSEWHERE):
            self.ip(self.cloud, f'address add {address}/32 dev lo')
        self.ip(self.node, 'route add default via 10.0.0.1')
        self.ip(self.pod, 'route add default via 10.88.0.1')
        self.ip(self.cloud, 'route add 10.88.0.0/24 via 10.0.0.5')
        self.inside(self.node, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
        self.inside(
            self.node, 'iptables', '-t', 'nat', '-A', 'PREROUTING', '-d', STANDS_FOR_IT,
            '-j', 'DNAT', '--to-destination', METADATA,
        )
        self.server = subprocess.Popen(
            ['ip', 'netns', 'exec', self.cloud, sys.executable, '-c', SERVER],
            stdout=subprocess.PIPE, text=True,
        )
        assert self.server.stdout
        assert self.server.stdout.readline() == 'listening\n'

    def _link(self, name: str, one: str, address: str, other: str, others: str) -> None:
        first, second = f'{name}0{self.mark}', f'{name}1{self.mark}'
        run('ip', 'link', 'add', first, 'netns', one, 'type', 'veth',
            'peer', 'name', second, 'netns', other)
        for namespace, link, own in ((one, first, address), (other, second, others)):
            self.ip(namespace, f'address add {own} dev {link}')
            self.ip(namespace, f'link set {link} up')

    def ip(self, namespace: str, words: str) -> None:
        run('ip', '-netns', namespace, *words.split())

    def inside(self, namespace: str, *words: str, check: bool = True) -> str:
        return run('ip', 'netns', 'exec', namespace, *words, check=check)

    def reaches(self, namespace: str, address: str) -> bool:
        done = subprocess.run(
            ['ip', 'netns', 'exec', namespace,
             'timeout', '2', 'bash', '-c', f'exec 3<>/dev/tcp/{address}/80'],
            capture_output=True, check=False, timeout=30,
        )
        return done.returncode == 0

    def script(self, word: str) -> int:
        """Run metadata.sh on the node; its exit status."""
        node_files.place(self.root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        script = node_files.place(self.root, 'common/node/metadata.sh', 'opt/magnum/metadata.sh')
        done = subprocess.run(
            ['ip', 'netns', 'exec', self.node, 'bash', script, word],
            capture_output=True, text=True, check=False, timeout=60,
        )
        print(done.stdout, done.stderr)
        return done.returncode

    def rules(self, program: str) -> list[str]:
        return re.findall('^-A FORWARD.*', self.inside(self.node, program, '-t', 'mangle', '-S'),
                          re.MULTILINE)

    def remove(self) -> None:
        if self.server:
            self.server.kill()
            self.server.communicate()
        for name in (self.cloud, self.node, self.pod):
            with contextlib.suppress(subprocess.CalledProcessError):
                run('ip', 'netns', 'delete', name)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        made.make()
        yield made
    finally:
        made.remove()


@in_namespaces
def test_containers_do_not_reach_it_and_the_node_does(world: World) -> None:
    for address in (METADATA, STANDS_FOR_IT, ELSEWHERE):
        assert world.reaches(world.pod, address), f'{address} before'
    for _ in range(2):
        assert world.script('close') == 0
    assert world.reaches(world.node, METADATA)
    assert world.reaches(world.pod, ELSEWHERE)
    assert not world.reaches(world.pod, METADATA)
    assert not world.reaches(world.pod, STANDS_FOR_IT)
    assert world.rules('iptables') == ['-A FORWARD -d 169.254.169.254/32 -j DROP']
    assert world.rules('ip6tables') == ['-A FORWARD -d fe80::a9fe:a9fe/128 -j DROP']


@in_namespaces
def test_what_engines_accept_does_not_open_it(world: World) -> None:
    """Docker and kube-proxy put rules in front of all others."""
    world.script('close')
    for chain in ('FORWARD', 'OUTPUT'):
        world.inside(world.node, 'iptables', '-I', chain, '-j', 'ACCEPT')
    assert not world.reaches(world.pod, METADATA)


@in_namespaces
@pytest.mark.parametrize('status', [200, 401, 404, 503])
def test_it_opens_when_the_token_is_dead(world: World, status: int) -> None:
    """And not before, whatever the label says."""
    root = world.root
    (root / 'etc/magnum').mkdir(parents=True)
    (root / 'usr/local/bin').mkdir(parents=True)
    names = (
        'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'BOOTSTRAP_TOKEN', 'BOOTSTRAP_URL', 'BAY_UUID',
    )
    (root / 'etc/magnum/node.env').write_text(''.join(f"MAGNUM_{name}=''\n" for name in names))
    for name, text in {
        'magnum-curl': f'#!/bin/sh\nprintf {status}\n[ {status} = 200 ]\n',
        'systemctl': f'#!/bin/sh\necho "$@" >>{world.systemctl}\n',
    }.items():
        (root / 'usr/local/bin' / name).write_text(text)
        (root / 'usr/local/bin' / name).chmod(0o755)
    world.script('close')
    dead = status in (401, 404)
    assert (world.script('open') == 0) is dead
    assert world.reaches(world.pod, METADATA) is dead
    assert world.systemctl.exists() is dead
    if dead:
        assert world.systemctl.read_text() == 'disable magnum-metadata magnum-metadata-open\n'


@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize('role', ['master', 'worker'])
def test_it_is_closed_before_any_engine_is_installed(driver: Driver, role: str) -> None:
    files = hot.files_of(driver.render(plans.plan(driver)), role)
    assert '/opt/magnum/metadata.sh' in files
    steps = sorted(path for path in files if path.startswith('/opt/magnum/steps/'))
    engines = [path for path in steps if re.search('docker|containerd', path)]
    assert steps.index('/opt/magnum/steps/17-metadata.sh') < steps.index(engines[0])
    assert "MAGNUM_CONTAINER_METADATA='false'" in files['/etc/magnum/node.env']
