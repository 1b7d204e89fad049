"""Conditions of a node, as its agent looks at them."""

import errno
import hashlib
import json
import os

import pytest

from magnum.drivers.common.node.agent import conditions
from magnum.drivers.common.node.agent.channel import Channel
from magnum.drivers.common.node.agent.conditions import Conditions
from magnum.drivers.common.node.agent.node import Node
from tests.unit.drivers import agents
from tests.unit.drivers.agents import script


def found(node: Node, is_built: bool = True, apart: float = 0) -> dict[str, dict[str, str]]:
    sender = Channel(node)
    sender.apart = apart
    return Conditions(node).look(sender, is_built)


def test_conditions_of_the_coe_are_those_of_its_script(node: Node) -> None:
    script(
        node, 'conditions.sh',
        'case $1 in condition) echo "condition Node False NotInSwarm its state is pending"\n'
        'echo "condition ControlPlane True Working"; echo noise; echo; echo condition X\n'
        'echo condition X Yes Because; echo condition x True Because; echo condition X True A-B;;\n'
        'version) echo "version docker 20.10.24+dfsg1"; echo "version kubelet";; esac\n',
    )
    assert found(node)['Node'] == {
        'status': 'False', 'reason': 'NotInSwarm', 'message': 'its state is pending',
    }
    assert found(node)['ControlPlane'] == {'status': 'True', 'reason': 'Working', 'message': ''}
    assert found(node).keys() == {'Disk', 'Clock', 'Certificates', 'Node', 'ControlPlane'}
    assert found(node, is_built=False).keys() == {'Disk', 'Clock', 'Certificates'}
    node.path('/etc/os-release').write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert Conditions(node).versions() == {
        'docker': '20.10.24+dfsg1', 'os': 'Debian GNU/Linux 12 (bookworm)',
    }


def test_a_script_that_hangs_says_nothing_of_the_node(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, 'SCRIPT_SECONDS', 0.3)
    script(node, 'conditions.sh', 'sleep 60 & wait')
    assert found(node)['Node']['status'] == 'Unknown'


@pytest.mark.parametrize(
    ('states', 'status', 'text'),
    [
        ('active active', 'True', ''),
        ('active failed', 'False', 'kubelet is failed'),
        ('activating inactive', 'False', 'docker is activating, kubelet is inactive'),
    ],
)
def test_services_have_to_be_active(
    node: Node, monkeypatch: pytest.MonkeyPatch, states: str, status: str, text: str
) -> None:
    systemctl = node.path('/bin/systemctl')
    systemctl.parent.mkdir()
    systemctl.write_text(
        f'#!/bin/sh\n[ "$*" = "is-active docker kubelet" ] && printf "%s\\n" {states}\n'
    )
    systemctl.chmod(0o755)
    monkeypatch.setenv('PATH', f'{systemctl.parent}:{os.environ["PATH"]}')
    node.path('/etc/magnum/services').write_text('docker\nkubelet\n')
    services = found(node)['Services']
    assert (services['status'], services['message']) == (status, text)


@pytest.mark.parametrize(
    ('free', 'blocks', 'status', 'text'),
    [
        (1_000_000, 2_000_000, 'True', ''),
        (100_000, 200_000, 'False', '/: less than 512 MB free'),
        (1_000_000, 10 ** 9, 'False', '/: less than 4 GB free'),
        (256, 200_000, 'False', '/: less than 2 MB free'),
        (0, 200_000, 'False', '/: less than 1 MB free'),
    ],
)
def test_a_disk_has_room(
    node: Node, monkeypatch: pytest.MonkeyPatch, free: int, blocks: int, status: str, text: str
) -> None:
    leave(monkeypatch, free, blocks)
    disk = found(node)['Disk']
    assert (disk['status'], disk['message']) == (status, text)


def leave(monkeypatch: pytest.MonkeyPatch, free: int, blocks: int = 200_000) -> None:
    """Let so many blocks of 4 KiB be free from now on."""
    values = list(os.statvfs('/'))
    values[1], values[2], values[4] = 4096, blocks, free
    monkeypatch.setattr(os, 'statvfs', lambda _path: os.statvfs_result(values))


def test_a_disk_that_cannot_be_read_is_told_of(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: str) -> os.statvfs_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, 'statvfs', fail)
    disk = found(node)['Disk']
    assert (disk['status'], disk['message']) == ('False', '/: Input/output error')


#: Of numbers that change by little: free blocks of 4 KiB, and seconds between the clocks.
NUMBERS = {
    'a disk that fills': [(free, 0) for free in range(80_000, 79_000, -100)],
    'about a step': [(65_536 + change, 0) for change in (100, -100, 90, -3000, 3000)],
    'about the limit': [(122_070 + change, 0) for change in (-10, 10, -500, 3000, -20)],
    'a late clock': [(10 ** 5, 600 + change) for change in (0.2, -0.7, 0.5, -0.9, 0.3)],
    'a clock about the limit': [(10 ** 5, 60 + change) for change in (0.4, -0.6, 0.5, -0.9)],
}


@pytest.mark.parametrize('measured', NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_change_by_little_are_told_as_before(
    node: Node, monkeypatch: pytest.MonkeyPatch, measured: list[tuple[int, float]]
) -> None:
    """The service writes each report that differs, and the bay's health after it."""
    looking, sender = Conditions(node), Channel(node)
    told = set()
    for free, sender.apart in measured:
        leave(monkeypatch, free)
        said = looking.look(sender, True)
        told.add(json.dumps([said['Disk'], said['Clock']]))
    assert len(told) == 1


def test_numbers_that_change_by_much_are_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, sender = Conditions(node), Channel(node)
    told = []
    for free in (122_000, 66_000, 60_000, 0, 140_000):
        leave(monkeypatch, free)
        told.append(looking.look(sender, True)['Disk']['message'])
    assert told == [
        '/: less than 512 MB free', '/: less than 512 MB free', '/: less than 256 MB free',
        '/: less than 1 MB free', '',
    ]


@pytest.mark.parametrize(
    ('said', 'told'),
    [
        ('curl: (7) Failed to connect to 10.0.0.9 port 6443 after 3 ms: refused',
         'curl: (7) Failed to connect to 10.0.0.9 port 6443: refused'),
        ('curl: (28) Connection timed out after 10001 milliseconds',
         'curl: (28) Connection timed out'),
        ('E0726 12:00:01.123456   12345 memcache.go:265] no answer', 'memcache.go:265] no answer'),
    ],
)
def test_what_differs_each_time_is_left_out(node: Node, said: str, told: str) -> None:
    script(node, 'conditions.sh', f'echo "condition API False NotReachable {said}"')
    assert found(node)['API']['message'] == told


@pytest.mark.parametrize(
    ('apart', 'status', 'text'),
    [
        (59, 'True', ''), (-59, 'True', ''), (61, 'False', 'more than 1 min late'),
        (-601, 'False', 'more than 10 min early'),
    ],
)
def test_a_clock_is_right_within_a_minute(node: Node, apart: float, status: str, text: str) -> None:
    clock = found(node, apart=apart)['Clock']
    assert clock['status'] == status
    assert text in clock['message']


def test_certificates_are_told_before_they_end(node: Node) -> None:
    """Those of the tests are from an hour ago to an hour from now."""
    assert found(node)['Certificates']['status'] == 'True'
    near = found(node, apart=3600 * 0.85)['Certificates']
    assert (near['status'], near['reason']) == ('False', 'NearEnd')
    assert near['message'].startswith('server: 2')
    assert found(node, apart=3600 * 0.75)['Certificates']['status'] == 'True'
    node.path('/etc/magnum/certificates/server.key').unlink()
    assert found(node, apart=3600)['Certificates']['status'] == 'True', 'nobody uses it'


def test_a_node_says_what_its_services_trust(node: Node) -> None:
    assert Conditions(node).trusts() == hashlib.sha256(b'').hexdigest()
    (node.path('/etc/magnum/certificates') / 'trusted.pem').write_text('x')
    assert Conditions(node).trusts() == hashlib.sha256(b'x').hexdigest()
    without = agents.make_node(node.root, '', MAGNUM_CERTIFICATES='')
    assert Conditions(without).trusts() is None
    assert 'Certificates' not in found(without)
