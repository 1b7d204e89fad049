"""The step of etcd on a master that joins others, or was put into the place of one."""

import pathlib
import subprocess

import pytest

from tests.unit.drivers.control_plane import Node

PLACE = 'https://10.0.0.5:2380'
OTHERS = 'https://10.0.0.6:2379,https://10.0.0.7:2379'
OTHER = '22, started, etcd-10.0.0.6, https://10.0.0.6:2380, https://10.0.0.6:2379, false'
#: One whose address begins as this master's does.
LONGER = '33, started, etcd-10.0.0.51, https://10.0.0.51:2380, https://10.0.0.51:2379, false'
FORMER = f'11, started, etcd-10.0.0.5, {PLACE}, https://10.0.0.5:2379, false'
ADDED = f'44, unstarted, , {PLACE}, , true'
LEARNS = f'44, started, etcd-10.0.0.5, {PLACE}, https://10.0.0.5:2379, true'
VOTES = LEARNS.replace('true', 'false')
REMOVE, ADD = 'remove 11', f'add etcd-10.0.0.5 --peer-urls={PLACE} --learner'
PROMOTE = 'promote 44'

#: Members are lines of a file. It is asked of others, before there is one here.
ETCDCTL = """#!/bin/bash
case "$*" in
    *"endpoint health") exit ;;
    *"--endpoints=@others "*) ;;
    *) exit 9 ;;
esac
words="$*"
command=${words#*.key }
echo "${command#member }" >>@root/asked
if [ -e @root/unwell ]; then
    rm @root/unwell
    echo unhealthy cluster >&2
    exit 1
fi
case $command in
    "member list") cat @root/members ;;
    "member remove"*) sed -i "/^${command##* }, /d" @root/members ;;
    "member add"*) echo "@added" >>@root/members ;;
    "member promote"*)
        if [ -e @root/behind ]; then
            rm @root/behind
            echo "can only promote a learner member which is in sync with leader" >&2
            exit 1
        fi
        sed -i "/^${command##* }, /s/true$/false/" @root/members ;;
esac
"""
#: A member that runs tells the others its name.
SYSTEMCTL = """#!/bin/bash
[ "$1" != restart ] || sed -i 's|^@added$|@learns|' @root/members
"""


class Master(Node):
    """With members of which it is to be one."""

    def __init__(self, root: pathlib.Path, *members: str):
        super().__init__(root)
        (root / 'members').write_text('\n'.join(members) + '\n')
        file = root / 'usr/local/bin/etcdctl'
        file.write_text(self._filled(ETCDCTL).replace('@others', OTHERS))
        (root / 'usr/local/bin/systemctl').write_text(self._filled(SYSTEMCTL))

    def _filled(self, text: str) -> str:
        for word, value in (('@root', str(self.root)), ('@added', ADDED), ('@learns', LEARNS)):
            text = text.replace(word, value)
        return text

    def boot(self, revision: str = '1') -> 'subprocess.CompletedProcess[str]':
        done = self.run(
            '50-etcd', MAGNUM_MASTER_ADDRESSES='10.0.0.5 10.0.0.6 10.0.0.7',
            MAGNUM_NODE_REVISION=revision,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def asked(self) -> list[str]:
        """Of the others, but for who they are."""
        file = self.root / 'asked'
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line != 'list']

    @property
    def state(self) -> str:
        return self.options('magnum-etcd')['initial-cluster-state']


@pytest.mark.parametrize(
    ('members', 'asked'),
    [
        ([OTHER, FORMER, LONGER], [REMOVE, ADD, PROMOTE]),
        ([OTHER, LONGER], [ADD, PROMOTE]),          # new, or it ended between the two
        ([OTHER, ADDED, LONGER], [PROMOTE]),        # and after them
    ],
    ids=['before', 'between', 'after'],
)
def test_it_takes_the_place_of_the_one_before_it(
    tmp_path: pathlib.Path, members: list[str], asked: list[str]
) -> None:
    master = Master(tmp_path, *members)
    master.boot()
    assert (master.asked, master.state) == (asked, 'existing')
    assert VOTES in (tmp_path / 'members').read_text().splitlines()
    # Just those that there are: etcd takes no other list.
    assert set(master.options('magnum-etcd')['initial-cluster'].split(',')) == {
        f'etcd-10.0.0.5={PLACE}', 'etcd-10.0.0.51=https://10.0.0.51:2380',
        'etcd-10.0.0.6=https://10.0.0.6:2380',
    }


def test_it_votes_when_it_has_what_the_others_have(tmp_path: pathlib.Path) -> None:
    master = Master(tmp_path, OTHER)
    (tmp_path / 'behind').touch()
    master.boot()
    assert master.asked == [ADD, PROMOTE, PROMOTE]


def test_a_step_that_is_run_again_only_promotes(tmp_path: pathlib.Path) -> None:
    """It was killed when it had started etcd."""
    master = Master(tmp_path, OTHER, LEARNS)
    (tmp_path / 'var/lib/magnum-etcd/member/wal').mkdir(parents=True)
    master.boot()
    assert master.asked == [PROMOTE]


def test_one_that_was_cut_short_before_it_had_a_log_joins_those_that_there_are(
    tmp_path: pathlib.Path,
) -> None:
    """Not all whom it knows are members yet: with these it would not start."""
    master = Master(tmp_path, OTHER, ADDED)
    half = tmp_path / 'var/lib/magnum-etcd/member/snap'
    half.mkdir(parents=True)
    master.boot()
    assert master.asked == [PROMOTE]
    assert set(master.options('magnum-etcd')['initial-cluster'].split(',')) == {
        f'etcd-10.0.0.5={PLACE}', 'etcd-10.0.0.6=https://10.0.0.6:2380',
    }
    assert not half.exists()


def test_what_it_kept_is_of_no_use_when_the_others_have_let_it_go(tmp_path: pathlib.Path) -> None:
    """On a volume, of an attempt before this one."""
    master = Master(tmp_path, OTHER)
    kept = tmp_path / 'var/lib/magnum-etcd/member'
    (kept / 'wal').mkdir(parents=True)
    master.boot()
    assert not kept.exists()
    assert master.asked == [ADD, PROMOTE]


def test_it_waits_until_the_others_are_well(tmp_path: pathlib.Path) -> None:
    master = Master(tmp_path, OTHER, FORMER)
    (tmp_path / 'unwell').touch()
    master.boot()
    assert master.asked == [REMOVE, ADD, PROMOTE]


def test_what_it_kept_makes_it_the_same_member(tmp_path: pathlib.Path) -> None:
    """On a volume, or in a step that is run again."""
    master = Master(tmp_path, OTHER, FORMER)
    (tmp_path / 'var/lib/magnum-etcd/member/wal').mkdir(parents=True)
    master.boot()
    assert (master.asked, master.state) == ([], 'existing')


def test_masters_of_a_new_bay_ask_nobody(tmp_path: pathlib.Path) -> None:
    master = Master(tmp_path, FORMER)
    master.boot('0')
    assert (master.asked, master.state) == ([], 'new')


@pytest.mark.parametrize(('before', 'now', 'is_read'), [
    ('3.4.23', '3.5.16', True), ('3.5.27', '3.5.16', True), ('3.10.1', '3.9.5', False),
    ('3.5.16', '3.4.23', False), ('', '3.4.23', True), ('3.5.16', '', True),
])
def test_an_older_etcd_does_not_take_over_what_a_later_one_wrote(
    tmp_path: pathlib.Path, before: str, now: str, is_read: bool
) -> None:
    """It would end again and again, without a word that a user sees."""
    node = Node(tmp_path)
    (tmp_path / 'usr/local/bin/etcd').write_text(f'#!/bin/sh\necho "etcd Version: {now}"\n')
    data = tmp_path / 'var/lib/magnum-etcd'
    (data / 'member/wal').mkdir(parents=True)
    (data / 'written-by').write_text(f'{before}\n' if before else '')
    done = node.run('50-etcd', MAGNUM_NODE_REVISION='1')
    assert done.returncode == (0 if is_read else 86), done.stdout + done.stderr
    told = f'etcd {now} does not read what etcd {before} has written here'
    assert (told in done.stdout) is not is_read
    if is_read:
        assert (data / 'written-by').read_text().strip() == (now or before)


@pytest.mark.parametrize('is_there', [True, False])
def test_in_the_place_of_the_only_one_it_goes_on_with_what_is_on_the_volume(
    tmp_path: pathlib.Path, is_there: bool
) -> None:
    """A new member would know nothing: what the cluster is would be gone, and nobody told."""
    node = Node(tmp_path)
    log = tmp_path / 'var/lib/magnum-etcd/member/wal'
    if is_there:
        log.mkdir(parents=True)
    done = node.run('50-etcd', MAGNUM_NODE_REVISION='1')
    if not is_there:
        assert done.returncode == 86
        assert 'has nothing of the master before this one' in done.stdout
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert log.is_dir()
    options = node.options('magnum-etcd')
    assert (options['name'], options['initial-cluster-state']) == ('etcd-10.0.0.5', 'existing')
