"""A master that takes another release over: the real script, with made-up steps."""

import datetime
import os
import pathlib
import re
import subprocess

import pytest

from magnum.drivers import settings
from magnum.operations.steps import masters
from tests.unit.drivers import node_files

ETCDCTL = """#!/bin/bash
echo "$*" >>@root/calls
echo etcd >"${*: -1}"
"""
KUBECTL = """#!/bin/bash
echo "$*" >>@root/calls
cat @root/metrics
"""
METRICS = """# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="extensions",removed_release="1.22",\
resource="ingresses",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="extensions",removed_release="1.22",\
resource="ingresses",subresource="status",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",\
resource="cronjobs",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="policy",removed_release="1.22",\
resource="budgets",subresource="",version="v1beta1"} 0
apiserver_request_total{code="200"} 1
"""
#: Notes the release; of one that is named in "broken" it fails.
STEP = """#!/bin/bash
echo "@name $MAGNUM_KUBE_VERSION $MAGNUM_KUBEAPI_OPTIONS" >>@root/steps
if grep -qsx "@name $MAGNUM_KUBE_VERSION" @root/broken; then
    echo "line of @name"
    exit 1
fi
"""
#: The step that downloads puts the release into the program.
BINARIES = """
echo "$MAGNUM_KUBE_VERSION" >@programs/kubelet
echo "kubelet $MAGNUM_KUBE_VERSION" >@root/var/lib/magnum/programs
"""
STEPS = (
    '40-containerd', '45-binaries', '60-control-plane', '65-addons', '67-charts', '70-kubelet',
    '75-flannel', '90-ready',
)
BEFORE = {
    'MAGNUM_KUBE_PROGRAMS': 'kubelet kubectl', 'MAGNUM_KUBE_VERSION': 'v1', 'MAGNUM_OTHER': "a 'b'",
    'MAGNUM_KUBEAPI_OPTIONS': '', 'MAGNUM_HTTP_PROXY': '', 'MAGNUM_HTTPS_PROXY': '',
}


class Master:
    def __init__(self, root: pathlib.Path):
        self.root = root
        self.programs = root / 'usr/local/bin'
        self.env = root / 'etc/magnum/node.env'
        self.taken_over = root / 'etc/magnum/taken-over.env'
        for folder in (
            self.programs, self.env.parent, root / 'var/log/magnum', root / 'var/lib/magnum',
            root / 'opt/magnum/steps',
        ):
            folder.mkdir(parents=True)
        self.write_settings()
        (self.programs / 'kubelet').write_text('v1\n')
        (root / 'var/lib/magnum/programs').write_text('kubelet v1\n')
        self.write(self.programs / 'etcdctl', ETCDCTL)
        self.write(self.programs / 'kubectl', KUBECTL)
        for name in STEPS:
            text = STEP + (BINARIES if name == '45-binaries' else '')
            self.write(root / f'opt/magnum/steps/{name}.sh', text.replace('@name', name))
        node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        node_files.place(root, 'kubernetes/node/kubernetes.sh', 'opt/magnum/kubernetes.sh')
        _, script = (
            node_files.place(root, f'kubernetes/node/{name}', f'opt/magnum/{name}')
            for name in ('directives/check.sh', 'directives/upgrade.sh')
        )
        text = script.read_text()
        script.write_text(text.replace('=/usr/local/bin', f'={self.programs}'))

    def write_settings(self) -> None:
        """As cloud-init does, whatever the master has taken over."""
        self.env.write_text('# Settings.\n' + settings.shell(BEFORE))

    def write(self, file: pathlib.Path, text: str) -> None:
        file.write_text(text.replace('@root', str(self.root)).replace(
            '@programs', str(self.programs)))
        file.chmod(0o755)

    def run(
        self, verb: str = 'upgrade', volume: str = '', **told: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / f'opt/magnum/directives/{verb}.sh'],
            capture_output=True, text=True, check=False, timeout=60,
            env={
                'PATH': f'{self.programs}:{os.environ["PATH"]}',
                'MAGNUM_SETTINGS': settings.shell(told), 'MAGNUM_SECONDS': '60',
                'MAGNUM_ETCD_VOLUME_ID': volume,
            },
        )

    def settings(self) -> dict[str, str]:
        """As steps have them."""
        done = subprocess.run(
            ['bash', '-c', f'. {self.root}/opt/magnum/lib.sh; load_environment; env -0'],
            capture_output=True, text=True, check=True, env={},
        )
        found = dict(line.split('=', 1) for line in done.stdout.split('\0') if line)
        return {name: found[name] for name in BEFORE}

    def steps(self) -> list[str]:
        file = self.root / 'steps'
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def state(self) -> tuple[dict[str, str], str, str, bool]:
        """Settings, the program, the record, and whether something is half done."""
        record = self.root / 'var/lib/magnum/programs'
        return (
            self.settings(), (self.programs / 'kubelet').read_text(), record.read_text(),
            (self.root / 'var/lib/magnum/former').exists(),
        )


@pytest.fixture
def master(tmp_path: pathlib.Path) -> Master:
    return Master(tmp_path)


TOLD = {'MAGNUM_KUBE_VERSION': 'v2', 'MAGNUM_KUBEAPI_OPTIONS': "--a=b --c='d'"}
NEW = ({**BEFORE, **TOLD}, 'v2\n', 'kubelet v2\n', False)
OLD = (BEFORE, 'v1\n', 'kubelet v1\n', False)


def test_settings_programs_and_what_runs(master: Master) -> None:
    done = master.run(**TOLD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert master.state() == NEW
    assert master.steps() == [f"{step} v2 --a=b --c='d'" for step in STEPS]
    (snapshot,) = (master.root / 'var/lib/magnum/etcd-snapshots').iterdir()
    assert snapshot.name.endswith('-v1.db')
    assert snapshot.stat().st_mode & 0o777 == 0o600
    assert master.taken_over.stat().st_mode & 0o777 == 0o600


def test_what_was_taken_over_stays_when_cloud_init_runs_again(master: Master) -> None:
    """It writes the settings anew that the master was made with."""
    assert master.run(**TOLD).returncode == 0
    master.steps()
    master.write_settings()
    assert master.state() == NEW
    done = master.run(**TOLD)
    assert (done.returncode, master.steps()) == (0, [])
    assert 'it is so already' in done.stdout
    # What fails from there on leads back to what was taken over, not to the first settings.
    later = {**TOLD, 'MAGNUM_KUBE_VERSION': 'v3'}
    (master.root / 'broken').write_text('90-ready v3\n')
    assert master.run(**later).returncode == 1
    master.write_settings()
    assert master.state() == NEW


def test_what_was_taken_over_can_be_the_first_again(master: Master) -> None:
    assert master.run(**TOLD).returncode == 0
    assert master.run(**{name: BEFORE[name] for name in TOLD}).returncode == 0
    assert master.state() == OLD


def test_what_etcd_has_is_kept_on_its_volume(master: Master) -> None:
    done = master.run(volume='its-id', **TOLD)
    assert done.returncode == 0, done.stdout + done.stderr
    (snapshot,) = (master.root / 'var/lib/magnum-etcd/snapshots').iterdir()
    assert snapshot.name.endswith('-v1.db')
    assert not (master.root / 'var/lib/magnum/etcd-snapshots').exists()


def test_what_is_so_already_is_left_alone(master: Master) -> None:
    assert master.run(**TOLD).returncode == 0
    assert master.steps()
    done = master.run(**TOLD)
    assert (done.returncode, master.steps()) == (0, [])
    assert 'it is so already' in done.stdout


def test_what_somebody_asks_for_is_not_taken_away(master: Master) -> None:
    """The API server tells what it was asked for of what a later release leaves out."""
    (master.root / 'metrics').write_text(METRICS)
    told = {**TOLD, 'MAGNUM_KUBE_VERSION': 'v1.22.4'}
    done = master.run(**told)
    assert (done.returncode, master.state(), master.steps()) == (1, OLD, [])
    assert 'ask for what v1.22.4 leaves out: ingresses of extensions/v1beta1. ' in done.stdout
    assert 'removed_apis_allowed' in done.stdout
    assert not (master.root / 'var/lib/magnum/etcd-snapshots').exists()
    assert master.run(**told, MAGNUM_REMOVED_APIS_ALLOWED='true').returncode == 0
    assert 'kubelet' in master.state()[2]


def test_what_somebody_asks_for_is_told_beforehand(master: Master) -> None:
    """All masters are asked before the first one is upgraded, and change nothing."""
    (master.root / 'metrics').write_text(METRICS)
    before = sorted(master.root.rglob('*'))
    told = {**TOLD, 'MAGNUM_KUBE_VERSION': 'v1.22.4'}
    done = master.run(verb='check', **told)
    assert (done.returncode, master.state(), master.steps()) == (1, OLD, [])
    assert 'ask for what v1.22.4 leaves out: ingresses of extensions/v1beta1. ' in done.stdout
    allowed = master.run(verb='check', **told, MAGNUM_REMOVED_APIS_ALLOWED='true')
    assert (allowed.returncode, master.state(), master.steps()) == (0, OLD, [])
    assert sorted(master.root.rglob('*')) == sorted({*before, master.root / 'calls'})


@pytest.mark.parametrize('how', ['upgraded', 'half done'])
def test_a_master_that_a_former_try_came_to_refuses_nothing(master: Master, how: str) -> None:
    told = {**TOLD, 'MAGNUM_KUBE_VERSION': 'v1.22.4'}
    if how == 'half done':
        (master.root / 'broken').write_text('90-ready v1.22.4\n90-ready v1\n')
    assert master.run(**told).returncode == (how == 'half done')
    (master.root / 'metrics').write_text(METRICS)
    done = master.run(verb='check', **told)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize('release', ['v1.21.4', 'v1.23.0', 'v1.2.2'])
def test_other_releases_take_nothing_away(master: Master, release: str) -> None:
    (master.root / 'metrics').write_text(METRICS)
    assert master.run(**{**TOLD, 'MAGNUM_KUBE_VERSION': release}).returncode == 0


@pytest.mark.parametrize('broken', ['45-binaries', '60-control-plane', '90-ready'])
def test_what_fails_is_undone(master: Master, broken: str) -> None:
    (master.root / 'broken').write_text(f'{broken} v2\n')
    done = master.run(**TOLD)
    assert done.returncode == 1
    assert master.state() == OLD
    assert [step.split()[1] for step in master.steps()][-len(STEPS):] == ['v1'] * len(STEPS)
    lines = [line.split(' ', 1)[1] for line in done.stdout.splitlines() if line[:2] == '20']
    assert lines[-2:] == [
        f'the step {broken} failed:', 'it has the release v1 again, which it had before',
    ]
    assert f'line of {broken}' in done.stdout


def test_a_program_of_the_guest_is_back_when_it_fails(master: Master) -> None:
    """It lies elsewhere, and what was downloaded came before it."""
    (master.programs / 'kubelet').unlink()
    (master.root / 'broken').write_text('90-ready v2\n')
    text = (master.root / 'opt/magnum/steps/45-binaries.sh').read_text()
    text = text.replace(f'echo "$MAGNUM_KUBE_VERSION" >{master.programs}', (
        f'[ "$MAGNUM_KUBE_VERSION" = v1 ] || echo new >{master.programs}'
    ))
    master.write(master.root / 'opt/magnum/steps/45-binaries.sh', text)
    assert master.run(**TOLD).returncode == 1
    assert not (master.programs / 'kubelet').exists()


def test_what_was_killed_goes_on_and_still_can_be_undone(master: Master) -> None:
    kill = master.root / 'opt/magnum/steps/70-kubelet.sh'
    text = kill.read_text()
    master.write(kill, text.replace('#!/bin/bash', '#!/bin/bash\nkill -9 $PPID; sleep 1'))
    assert master.run(**TOLD).returncode == -9
    assert master.state()[3], 'half done'
    master.write(kill, text)
    (master.root / 'broken').write_text('90-ready v2\n')
    assert master.run(**TOLD).returncode == 1
    assert master.state() == OLD
    (master.root / 'broken').unlink()
    assert master.run(**TOLD).returncode == 0
    assert master.state() == NEW


def test_what_does_not_work_either_way_can_be_told_again(master: Master) -> None:
    (master.root / 'broken').write_text('90-ready v2\n90-ready v1\n')
    done = master.run(**TOLD)
    assert done.returncode == 1
    assert 'it does not work with what it had before, either' in done.stdout
    assert master.state()[3]
    (master.root / 'broken').unlink()
    assert master.run(**TOLD).returncode == 0
    assert master.state() == NEW


def test_what_cannot_be_undone_keeps_settings_that_are_whole(master: Master) -> None:
    """A disk may be full: half a file of settings would cut the master off."""
    (master.root / 'broken').write_text('90-ready v2\n')
    full = '#!/bin/sh\ncase "$*" in *former/settings*.new) : >"$3"; exit 1 ;; esac\n'
    master.write(master.programs / 'cp', f'{full}exec /bin/cp "$@"\n')
    done = master.run(**TOLD)
    assert done.returncode == 1
    assert 'it does not work with what it had before, either' in done.stdout
    assert master.settings() == {**BEFORE, **TOLD}
    assert master.state()[3]
    (master.programs / 'cp').unlink()
    assert master.run(**TOLD).returncode == 1
    assert master.state() == OLD


@pytest.mark.parametrize('how', [0, 1], ids=['upgraded', 'undone'])
def test_what_is_kept_goes_in_one_move(master: Master, how: int) -> None:
    """Killed while it removes what it had kept, it would take what is left for all."""
    if how:
        (master.root / 'broken').write_text('90-ready v2\n')
    kill = '#!/bin/sh\ncase "$*" in *former*)\n  for folder; do :; done\n'
    kill += '  if [ -e "$folder/settings" ] && /bin/rm "$folder/settings"; then\n'
    kill += '    kill -9 $PPID; exit\n  fi ;;\n'
    master.write(master.programs / 'rm', f'{kill}esac\nexec /bin/rm "$@"\n')
    assert master.run(**TOLD).returncode == -9
    assert master.state() == (OLD if how else NEW)
    assert (master.root / 'var/lib/magnum/former.done').exists()
    (master.programs / 'rm').unlink()
    assert master.run(**TOLD).returncode == how
    assert master.state() == (OLD if how else NEW)


def test_there_is_time_to_undo_it() -> None:
    """Who is killed on the way back leaves a master that does not work."""
    folder = node_files.FOLDER / 'kubernetes/node'
    waits = dict(re.findall(
        r'(MAGNUM_[A-Z]+_SECONDS)=([0-9]+)', (folder / 'directives/upgrade.sh').read_text()
    ))
    steps = ''.join((folder / f'{name}.sh').read_text() for name in STEPS)
    assert waits.keys() == set(re.findall(r'\$\{(MAGNUM_[A-Z]+_SECONDS):-', steps))
    in_steps = re.findall(r'^(?:if ! )?wait_until (\S+)', steps, re.MULTILINE)
    # For workers' certificates, and in a service that the step only writes.
    assert {one for one in in_steps if one.isdigit()} == {'3600'}
    assert 2 * sum(map(int, waits.values())) < masters._SECONDS


def test_few_snapshots_are_kept(master: Master) -> None:
    folder = master.root / 'var/lib/magnum/etcd-snapshots'
    folder.mkdir()
    for year in (2021, 2022, 2023):
        (folder / f'{year}0101T000000Z-v0.db').touch()
    assert master.run(**TOLD).returncode == 0
    names = sorted(file.name for file in folder.iterdir())
    assert [name[:4] for name in names][:2] == ['2022', '2023']
    assert len(names) == 3


def test_retries_leave_the_snapshot_of_before_the_first_try(master: Master) -> None:
    """Something may be broken since then."""
    folder = master.root / 'var/lib/magnum/etcd-snapshots'
    folder.mkdir()
    now = datetime.datetime.now(datetime.UTC)
    ages = [*map(datetime.timedelta, (0, 0, 0), (7200, 3600, 1800))]
    earlier = [f'{now - age:%Y%m%dT%H%M%SZ}-v1.db' for age in ages]
    for name in ('20210101T000000Z-v0.db', *earlier):
        (folder / name).touch()
    (folder / f'{now:%Y%m%dT%H%M%SZ}-v1.db.part').touch()
    assert master.run(**TOLD).returncode == 0
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) == 3
    assert names[:2] == [earlier[0], earlier[2]]


def test_without_a_snapshot_nothing_is_changed(master: Master) -> None:
    master.write(master.programs / 'etcdctl', '#!/bin/sh\necho no quorum >&2\nexit 1\n')
    done = master.run(**TOLD)
    assert done.returncode == 1
    assert 'no quorum' in done.stdout
    assert (master.state(), master.steps()) == (OLD, [])
