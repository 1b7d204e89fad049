"""What cloud-init starts on a node, at every boot: the real script of the user data."""

import email
import os
import pathlib
import shutil
import subprocess

import pytest

from magnum.drivers.contract import MASTER, WORKER
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers import hot, node_files, plans

FETCH, RUN = 'python3 -m agent.fetch', 'run.sh'
WRITE = 'cloud-init single --name write_files --frequency always'
#: Notes how it was called; the file of its name, if there is one, is what becomes of it.
PROGRAM = """#!/bin/sh
echo "@name $*" >>@root/calls
[ ! -e @root/@name ] || . @root/@name
"""


def parts(role: str) -> dict[str, tuple[str, str]]:
    """By name, kind and text of each part of a node's user data."""
    driver = SwarmDriver()
    message = email.message_from_string(hot.user_data(driver.render(plans.plan(driver)), role))
    return {
        str(part.get_filename()): (part.get_content_type(), str(part.get_payload()))
        for part in message.walk() if part.get_filename()
    }


class Server:
    """A server, whose cloud-init has written the files of the node."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.env = root / 'etc/magnum/node.env'
        self.script = root / 'var/lib/cloud/scripts/per-boot/zz-run.sh'
        self.enabled = root / 'run/cloud-init/enabled'
        self.semaphores = root / 'var/lib/cloud/instance/sem'
        self.programs = root / 'usr/local/bin'
        for folder in (
            self.env.parent, self.script.parent, self.enabled.parent, self.semaphores,
            self.programs, root / 'opt/magnum',
        ):
            folder.mkdir(parents=True)
        for file in (self.programs / 'python3', self.programs / 'cloud-init',
                     root / 'opt/magnum/run.sh'):
            file.write_text(PROGRAM.replace('@root', str(root)).replace('@name', file.name))
            file.chmod(0o755)
        self.env.touch()
        self.boots = 0

    def becomes(self, name: str, text: str) -> None:
        """What becomes of a program."""
        (self.root / name).write_text(text)

    def boot(self) -> tuple[int, list[str]]:
        """Status of the script, and what it called."""
        self.boots += 1
        # The files are of the first boot.
        self.enabled.touch()
        moment = self.env.stat().st_mtime + self.boots - 1.5
        os.utime(self.enabled, (moment, moment))
        self.script.write_text(node_files.below(self.root, parts(WORKER)['zz-run.sh'][1]))
        self.script.chmod(0o700)
        done = subprocess.run(
            [self.script], check=False, timeout=60,
            env={'PATH': f'{self.programs}:{os.environ["PATH"]}'},
        )
        calls = self.root / 'calls'
        said = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return done.returncode, [line.strip() for line in said]


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Server:
    return Server(tmp_path)


@pytest.mark.parametrize('role', [MASTER, WORKER])
def test_cloud_init_runs_it_at_every_boot(role: str) -> None:
    kind, text = parts(role)['zz-run.sh']
    assert kind == 'text/x-shellscript-per-boot'
    assert text.startswith('#!/bin/sh\n')


def test_a_node_is_built_once(server: Server) -> None:
    assert server.boot() == (0, [FETCH, RUN])
    assert server.boot() == (0, [])


@pytest.mark.parametrize('end', ['kill -9 $$', 'exit 2'], ids=['power', 'shutdown'])
def test_a_boot_that_is_cut_short_goes_on_at_the_next(server: Server, end: str) -> None:
    """With files that are whole: a loss of power may leave empty ones."""
    server.becomes(RUN, end)
    assert server.boot()[0] != 0
    assert server.boot()[1] == [WRITE, FETCH, RUN]
    (server.root / RUN).unlink()
    assert server.boot() == (0, [WRITE, FETCH, RUN])
    assert server.boot() == (0, [])


def test_a_boot_that_is_cut_short_before_it_has_its_files_goes_on(server: Server) -> None:
    server.becomes('python3', 'kill -9 $PPID')
    assert server.boot() == (-9, [FETCH])
    (server.root / 'python3').unlink()
    assert server.boot() == (0, [WRITE, FETCH, RUN])


def test_a_boot_that_fails_is_told_and_not_done_again(server: Server) -> None:
    server.becomes(RUN, 'exit 1')
    assert server.boot() == (1, [FETCH, RUN])
    assert server.boot() == (0, [])


def test_files_that_are_refused_fail_it(server: Server) -> None:
    server.becomes('python3', 'exit 1')
    assert server.boot() == (1, [FETCH])


def test_cloud_init_that_remembers_nothing_runs_it_again(server: Server) -> None:
    """It writes the files anew by itself then."""
    assert server.boot() == (0, [FETCH, RUN])
    shutil.rmtree(server.semaphores)
    server.semaphores.mkdir()
    server.boots = 0
    assert server.boot() == (0, [FETCH, RUN])


def test_who_has_an_image_of_the_disk_is_no_node(server: Server) -> None:
    """Another server of it has no user data of which cloud-init writes the script."""
    for _ in range(2):
        server.boot()
        assert not server.script.exists()
