"""The step that sets up a master's ZooKeeper."""

import pathlib
import re
import subprocess

import pytest

from tests.unit.drivers import node_files

ADDRESSES = '10.0.0.4 10.0.0.5 10.0.0.6'


class Guest:
    """A folder that stands for a master's root."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        for script, path in (
            ('common/node/lib.sh', 'opt/magnum/lib.sh'),
            ('mesos/node/mesos.sh', 'opt/magnum/mesos.sh'),
            ('mesos/node/50-zookeeper.sh', 'step.sh'),
        ):
            node_files.place(root, script, path)
        for folder in ('etc/magnum', 'etc/systemd/system'):
            (root / folder).mkdir(parents=True)
        self.file('etc/magnum/node.env')
        # Of the server nothing answers here: the step asks by python3 whether it does.
        for name in ('systemctl', 'python3', 'apt-get', 'docker'):
            self.program(f'usr/local/bin/{name}')

    def file(self, path: str) -> pathlib.Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('')
        return file

    def program(self, path: str) -> None:
        file = self.file(path)
        file.write_text(f'#!/bin/sh\necho "$(basename $0) $*" >>{self.root}/calls\n')
        file.chmod(0o755)

    def run(self, index: int = 1, image: str = '') -> subprocess.CompletedProcess[str]:
        settings = {
            'MAGNUM_NODE_INDEX': str(index), 'MAGNUM_NODE_ADDRESS': ADDRESSES.split()[index],
            'MAGNUM_MASTER_ADDRESSES': ADDRESSES, 'MAGNUM_ZOOKEEPER_IMAGE': image,
        }
        return subprocess.run(
            ['bash', str(self.root / 'step.sh')], capture_output=True, text=True, check=False,
            env={'PATH': f'{self.root}/usr/local/bin:/usr/bin:/bin', **settings},
        )

    def command(self) -> list[str]:
        """The words of the unit's command line, without the root."""
        unit = (self.root / 'etc/systemd/system/magnum-zookeeper.service').read_text()
        line = unit.partition('ExecStart=')[2].partition('\n\n')[0]
        return [word.replace(str(self.root), '') for word in re.findall(r'"(.*?)"', line)]


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> Guest:
    return Guest(tmp_path)


SERVER = 'usr/share/zookeeper/bin/zkServer.sh'
START = [f'/{SERVER}', 'start-foreground', '/etc/magnum/zoo.cfg']


def test_each_master_is_one_of_the_ensemble(guest: Guest) -> None:
    guest.program(SERVER)
    done = guest.run(index=2)
    assert done.returncode == 0, done.stderr
    assert (guest.root / 'var/lib/magnum-zookeeper/myid').read_text() == '3\n'
    lines = (guest.root / 'etc/magnum/zoo.cfg').read_text().splitlines()
    assert [line for line in lines if line.startswith('server.')] == [
        'server.1=10.0.0.4:2888:3888', 'server.2=10.0.0.5:2888:3888',
        'server.3=10.0.0.6:2888:3888',
    ]
    assert {'4lw.commands.whitelist=ruok,srvr', 'admin.enableServer=false'} <= set(lines)
    assert 'systemctl restart magnum-zookeeper' in (guest.root / 'calls').read_text()


def test_the_package_writes_a_log_and_opens_no_further_port(guest: Guest) -> None:
    guest.program(SERVER)
    for name in ('zookeeper', 'slf4j-simple'):
        guest.file(f'usr/share/java/{name}.jar')
    assert guest.run().returncode == 0
    jars = '/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar'
    assert guest.command() == [
        '/usr/bin/env', 'JMXDISABLE=true', f'SERVER_JVMFLAGS=-cp {jars}', *START
    ]


def test_another_zookeeper_in_its_place_keeps_its_class_path(guest: Guest) -> None:
    guest.program(SERVER)
    assert guest.run().returncode == 0
    assert guest.command() == ['/usr/bin/env', 'JMXDISABLE=true', *START]


def test_an_image_takes_the_place_of_the_package(guest: Guest) -> None:
    done = guest.run(image='registry.example.org/zookeeper:3.8')
    assert done.returncode == 0, done.stderr
    assert 'apt-get' not in (guest.root / 'calls').read_text()
    command = guest.command()
    assert (command[0], command[-1]) == (
        '/usr/local/bin/docker', 'registry.example.org/zookeeper:3.8'
    )
