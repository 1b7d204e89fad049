"""Archives that nodes take containerd, the CNI plugins and etcd from: the real steps."""

import hashlib
import io
import os
import pathlib
import re
import subprocess
import tarfile
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER, BayPlan, PlanRefused
from magnum.drivers.kubernetes import archives, downloads
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import curl, node_files, plans

DRIVER = KubernetesDriver()
DIGEST = 'ab' * 32
KNOWN = {name: list(downloads.known()[name]) for name in archives.ARCHIVES}
MIRROR = 'https://mirror.example.org/{architecture}.tgz'


def plan(**labels: str) -> BayPlan:
    return plans.plan(DRIVER, labels=labels)


def told(of: BayPlan, role: str = MASTER) -> dict[str, str]:
    return settings.parse(DRIVER.render(of).parameters[f'{role}_settings'])


def test_without_labels_nothing_is_told() -> None:
    masters, workers = told(plan(kube_tag='v1.30.14')), told(plan(), WORKER)
    assert [masters[archive.setting] for archive in archives.ARCHIVES.values()] == ['', '', '']
    assert workers['MAGNUM_CONTAINERD'] == workers['MAGNUM_CNI_PLUGINS'] == ''
    assert 'MAGNUM_ETCD' not in workers


@pytest.mark.parametrize(('name', 'address'), [
    ('containerd', 'containerd/containerd v2.1.5 containerd-2.1.5-linux-{architecture}.tar.gz'),
    ('cni-plugins',
     'containernetworking/plugins v1.8.0 cni-plugins-linux-{architecture}-v1.8.0.tgz'),
    ('etcd', 'etcd-io/etcd v3.5.25 etcd-v3.5.25-linux-{architecture}.tar.gz'),
])
def test_a_release_is_its_projects_archive(name: str, address: str) -> None:
    archive = archives.ARCHIVES[name]
    project, release, file = address.split()
    digests = downloads.known()[name][release]
    of = plan(**{archive.release: release.removeprefix('v')})
    DRIVER.validate(of)
    words = told(of)[archive.setting].split()
    url = f'https://github.com/{project}/releases/download/{release}/{file}'
    assert words == [release, url, *(
        f'{name}/{release}/{architecture}:{digests[architecture]}'
        for architecture in ('amd64', 'arm64')
    )]
    if name != 'etcd':
        assert told(of, WORKER)[archive.setting].split() == words


@pytest.mark.parametrize('name', archives.ARCHIVES)
def test_addresses_and_digests_of_labels(name: str) -> None:
    archive = archives.ARCHIVES[name]
    own = plan(**{archive.url: MIRROR, archive.sha256: DIGEST.upper()})
    DRIVER.validate(own)
    assert told(own)[archive.setting] == f'own {MIRROR} {name}/own:{DIGEST}'
    release = KNOWN[name][0]
    mirrored = plan(**{archive.release: release, archive.url: MIRROR})
    DRIVER.validate(mirrored)
    assert told(mirrored)[archive.setting].startswith(f'{release} {MIRROR} {name}/{release}/amd64:')
    unknown = plan(**{archive.release: 'v3.99.0', archive.sha256: DIGEST})
    DRIVER.validate(unknown)
    assert told(unknown)[archive.setting].endswith(f' {name}/v3.99.0:{DIGEST}')


@pytest.mark.parametrize('name', archives.ARCHIVES)
@pytest.mark.parametrize(
    ('given', 'at_fault', 'says'),
    [
        ({'release': 'v3.99.0'}, 'release', 'give the SHA-256 of its archive in the label'),
        ({'release': 'latest'}, 'release', 'is not a value'),
        ({'url': MIRROR}, 'url', 'Give the SHA-256 of this archive in the label'),
        ({'url': 'http://mirror/a', 'sha256': DIGEST}, 'url', 'plain HTTP'),
        ({'url': 'https://me:secret@mirror/a', 'sha256': DIGEST}, 'url', 'credentials'),
        ({'url': 'https://mirror/a$(id)', 'sha256': DIGEST}, 'url', 'has a character'),
        ({'url': MIRROR, 'sha256': 'abc'}, 'sha256', 'is not a value'),
        ({'sha256': DIGEST}, 'sha256', 'Nothing is checked by it'),
    ],
)
def test_refused(name: str, given: dict[str, str], at_fault: str, says: str) -> None:
    archive = archives.ARCHIVES[name]
    labels = {getattr(archive, kind): value for kind, value in given.items()}
    with pytest.raises(PlanRefused, match=says) as refused:
        DRIVER.validate(plan(**labels))
    assert refused.value.field == f'labels/{getattr(archive, at_fault)}'


def test_the_operator_may_let_all_pass() -> None:
    labels = {'containerd_tarball_url': 'http://mirror/c', 'etcd_tag': 'v3.99.0'}
    of = plans.plan(DRIVER, labels=labels, insecure_downloads=True)
    DRIVER.validate(of)
    assert told(of)['MAGNUM_CONTAINERD'] == 'own http://mirror/c'


def test_other_networks_bring_their_plugins() -> None:
    of = plans.plan(DRIVER, labels={'flannel_cni_tag': 'v9.9.9'}, network_driver='calico')
    DRIVER.validate(of)
    assert told(of)['MAGNUM_CNI_PLUGINS'] == ''


def test_a_node_group_may_have_another_containerd() -> None:
    bay = plan(containerd_version='v1.7.28')
    group = plans.further_group(labels={'containerd_version': 'v2.1.5'})
    DRIVER.validate_nodegroup(bay, group)
    outputs = plans.bay_outputs(DRIVER, bay)
    request = DRIVER.render_nodegroup(bay, group, outputs)
    of_group = settings.parse(request.parameters['worker_settings'])
    assert of_group['MAGNUM_CONTAINERD'].startswith('v2.1.5 ')
    assert of_group['MAGNUM_DIGESTS'] == told(bay)['MAGNUM_DIGESTS']
    group = plans.further_group(labels={'containerd_version': 'v9.9.9'})
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate_nodegroup(bay, group)
    assert refused.value.field == 'labels/containerd_version'


def test_an_upgrade_brings_masters_another_containerd() -> None:
    current, target = plan(containerd_version='v2.1.4'), plan(containerd_version='v2.1.5')
    DRIVER.check_upgrade(current, target)
    outputs = plans.bay_outputs(DRIVER, current)
    found = DRIVER.master_settings(current, target, outputs)
    assert found == {'MAGNUM_CONTAINERD': told(target)['MAGNUM_CONTAINERD']}
    back = DRIVER.master_settings(current, plan(), outputs)
    assert back == {'MAGNUM_CONTAINERD': ''}
    request = DRIVER.render_upgrade(
        target, target.workers, (), {}, DRIVER.with_master_settings(outputs, found)
    )
    assert settings.parse(request.parameters['worker_settings'])['MAGNUM_CONTAINERD'] == found[
        'MAGNUM_CONTAINERD'
    ]


def test_an_upgrade_brings_no_other_etcd() -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(plan(), plan(etcd_tag='v3.5.25'))
    assert refused.value.field == 'labels/etcd_tag'


@pytest.mark.parametrize(('release', 'is_told'), [
    ('v1.20.2', False), ('v1.30.14', False), ('v1.31.14', True), ('v1.35.1', True),
    ('v1.36.0', True),
])
def test_etcd_of_new_bays_by_their_release(release: str, is_told: bool) -> None:
    """What distributions have is too old for API servers of today."""
    found = told(plan(kube_tag=release))
    assert found['MAGNUM_ETCD_OF_GUEST'] == ('true' if is_told else '')
    if is_told:
        own = told(plan(kube_tag=release, etcd_tag=archives.ETCD))
        assert found['MAGNUM_ETCD'] == own['MAGNUM_ETCD']
        assert found['MAGNUM_ETCD'].count('etcd/v3.5.27/') == len(downloads.ARCHITECTURES)
        assert own['MAGNUM_ETCD_OF_GUEST'] == ''
    else:
        assert found['MAGNUM_ETCD'] == ''


@pytest.mark.parametrize('etcd', [None, ''])
@pytest.mark.parametrize('labels', [{}, {'kube_tag': 'v1.34.3'}, {'kube_tag': 'v1.30.14'}])
def test_living_bays_keep_etcd_of_packages(labels: dict[str, str], etcd: str | None) -> None:
    """Of before there was another default, and of a release that had none: upgraded, healed.

    :param etcd: what the masters were told; None: they are older than the setting.
    """
    current = plan(**labels)
    target = plan(**{**labels, 'kube_tag': 'v1.31.14'} if 'v1.30.14' in labels.values() else {})
    outputs = plans.bay_outputs(DRIVER, current)
    masters = settings.parse(outputs['settled']['master_settings'])
    for name in archives.OF_ETCD:
        masters.pop(name)
    if etcd is not None:
        masters['MAGNUM_ETCD'] = etcd
    outputs['settled']['master_settings'] = settings.shell(masters)
    DRIVER.check_upgrade(current, target)
    changed = DRIVER.master_settings(current, target, outputs)
    assert not changed.keys() & set(archives.OF_ETCD)
    after = DRIVER.with_master_settings(outputs, changed)
    request = DRIVER.render_upgrade(target, target.masters, (), {}, after)
    found = settings.parse(request.parameters['master_settings'])
    assert [found[name] for name in archives.OF_ETCD] == ['', '']


def test_living_bays_keep_the_etcd_of_their_release() -> None:
    current, target = plan(kube_tag='v1.31.14'), plan(kube_tag='v1.32.3')
    outputs = plans.bay_outputs(DRIVER, current)
    DRIVER.check_upgrade(current, target)
    former = f'{archives.ETCD} https://mirror/former'
    masters = settings.parse(outputs['settled']['master_settings']) | {'MAGNUM_ETCD': former}
    outputs['settled']['master_settings'] = settings.shell(masters)
    request = DRIVER.render_upgrade(target, target.masters, (), {}, outputs)
    found = settings.parse(request.parameters['master_settings'])
    assert (found['MAGNUM_ETCD'], found['MAGNUM_ETCD_OF_GUEST']) == (former, 'true')


@pytest.mark.parametrize(('label', 'value'), [
    ('etcd_tag', 'v3.5.27'), ('etcd_tag', 'v3.5.26'), ('etcd_tarball_url', MIRROR),
])
def test_no_upgrade_names_another_etcd_or_none(label: str, value: str) -> None:
    chosen = plan(**{label: value, 'etcd_tarball_sha256': DIGEST})
    for current, target in ((plan(), chosen), (chosen, plan())):
        with pytest.raises(PlanRefused) as refused:
            DRIVER.check_upgrade(current, target)
        assert str(refused.value.field).startswith('labels/etcd_')


def test_bays_in_which_these_labels_did_nothing() -> None:
    """Their masters take nothing of it over, and their new workers have what masters have."""
    current = plan(containerd_version='v1.6.8', flannel_cni_tag='v0.3.0', etcd_tag='v3.4.6')
    outputs = plans.bay_outputs(DRIVER, current)
    masters = settings.parse(outputs['settled']['master_settings'])
    for archive in archives.ARCHIVES.values():
        del masters[archive.setting]
    del masters[archives.ETCD_OF_GUEST]
    outputs['settled']['master_settings'] = settings.shell(masters)
    DRIVER.check_upgrade(current, current)
    assert DRIVER.master_settings(current, current, outputs) == {}
    for request in (
        DRIVER.render_upgrade(current, current.workers, (), {}, outputs),
        DRIVER.render_nodegroup(current, plans.further_group(), outputs),
    ):
        of_workers = settings.parse(request.parameters['worker_settings'])
        assert of_workers['MAGNUM_CONTAINERD'] == of_workers['MAGNUM_CNI_PLUGINS'] == ''
    target = plan(containerd_version='v2.1.5', flannel_cni_tag='v0.3.0', etcd_tag='v3.4.6')
    with pytest.raises(PlanRefused, match='make a new bay') as refused:
        DRIVER.master_settings(current, target, outputs)
    assert refused.value.field == 'labels/containerd_version'


SAYS = '#!/bin/sh\necho {}\n'
RELEASE = {
    'bin/containerd': SAYS.format('of the release'), 'bin/ctr': SAYS.format('ctr'),
    'bin/containerd-shim-runc-v2': SAYS.format('shim'),
}
BUNDLE = {
    './usr/local/bin/containerd': SAYS.format('of the bundle'),
    './usr/local/sbin/runc': SAYS.format('runc'),
    './opt/cni/bin/bridge': SAYS.format('bridge'),
    './opt/containerd/cluster/gce/configure.sh': SAYS.format('no'),
    './etc/cni/net.d/10-containerd-net.conflist': '{}',
}
PLUGINS = {'./bridge': SAYS.format('bridge'), './portmap': SAYS.format('portmap')}
ETCD = {
    'etcd-v3/etcd': SAYS.format('etcd'), 'etcd-v3/etcdctl': SAYS.format('etcdctl'),
    'etcd-v3/README-etcdctl.md': 'Read.',
}


class Guest:
    """A node below a folder, with a mirror, and what a distribution has."""

    def __init__(self, root: pathlib.Path):
        self.root, self.programs = root, root / 'usr/local/bin'
        for folder in (
            'web', 'usr/local/bin', 'packages', 'etc/containerd', 'etc/modules-load.d',
            'etc/sysctl.d', 'etc/magnum', 'etc/systemd/system', 'var/lib',
        ):
            (root / folder).mkdir(parents=True)
        self.program('curl', curl.stand_in(root, curl.from_web(root / 'web')))
        self.program('dpkg', '#!/bin/sh\necho amd64\n')
        for name in ('modprobe', 'sysctl', 'systemctl'):
            self.program(name, f'#!/bin/sh\necho {name} "$@" >>{root}/started\n')
        lib = node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        # A package brings its program.
        lib.write_text(lib.read_text() + f"""
need_command() {{
    command -v "$1" >/dev/null && return 0
    echo "package $2"
    ln -sf /bin/true "{root}/packages/${{1##*/}}"
}}
""")
        for file in node_files.KUBERNETES:
            node_files.place(root, file, f'opt/magnum/{pathlib.Path(file).name}')
        self._place('opt/magnum/downloads.sh')

    def _place(self, path: str) -> None:
        file = self.root / path
        text = file.read_text()
        for folder in (
            '/usr/local/bin', '/etc/containerd', '/etc/modules-load.d', '/etc/sysctl.d',
            '/opt/cni', '/usr/lib/cni',
        ):
            text = text.replace(f'{self.root}{folder}', folder)
            # Not within an archive.
            text = re.sub(f'(?<!\\$containerd){folder}', f'{self.root}{folder}', text)
        file.write_text(text)

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def archive(self, name: str, files: dict[str, str]) -> str:
        """Put an archive on the mirror: its digest."""
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode='w:gz') as archive:
            for path, text in files.items():
                info = tarfile.TarInfo(path)
                info.size, info.mode = len(text), 0o755 if text.startswith('#!') else 0o644
                info.uid = info.gid = 1000
                archive.addfile(info, io.BytesIO(text.encode()))
        (self.root / 'web' / name).write_bytes(made.getvalue())
        return hashlib.sha256(made.getvalue()).hexdigest()

    def run(self, step: str, **told: str) -> 'subprocess.CompletedProcess[str]':
        path = f'opt/magnum/steps/{step}.sh'
        script = node_files.place(self.root, f'kubernetes/node/{step}.sh', path)
        self._place(path)
        return subprocess.run(
            [script], capture_output=True, text=True, check=False, timeout=60,
            env={
                **{key: value or '' for key, value in DRIVER._settings(
                    DRIVER._with_default_labels(plan()), MASTER
                ).items()},
                'MAGNUM_NODE_ADDRESS': '10.0.0.5', 'MAGNUM_MASTER_ADDRESSES': '10.0.0.5',
                'PATH': f'{self.programs}:{self.root}/packages:{os.environ["PATH"]}',
                **told,
            },
        )

    def says(self, program: str) -> str:
        done = subprocess.run(
            [self.programs / program], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def calls(self) -> list[str]:
        file = self.root / 'calls'
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def started(self) -> str:
        file = self.root / 'started'
        return file.read_text() if file.exists() else ''

    def plugins(self) -> str:
        config = (self.root / 'etc/containerd/config.toml').read_text()
        (line,) = [line for line in config.splitlines() if 'bin_dir' in line]
        return line.split('"')[1].removeprefix(str(self.root))

    @property
    def unit(self) -> pathlib.Path:
        return self.root / 'usr/local/lib/systemd/system/containerd.service'


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> Guest:
    return Guest(tmp_path)


def of(name: str, file: str, digest: str, release: str = 'v1') -> str:
    name = f'{name}/{release}'
    return f'{release} https://mirror/{file} {name}/arm64:{"0" * 64} {name}/amd64:{digest}'


def succeeded(done: Any) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def test_packages_as_ever(guest: Guest) -> None:
    done = guest.run('40-containerd')
    succeeded(done)
    packages = [line for line in done.stdout.splitlines() if line.startswith('package')]
    assert 'package containerd' in packages
    assert 'package containernetworking-plugins' in packages
    assert 'package runc' not in packages
    assert not guest.calls()
    assert not guest.unit.exists()
    assert guest.plugins() == '/usr/lib/cni'


def test_containerd_of_a_release(guest: Guest) -> None:
    digest = guest.archive('amd64.tgz', RELEASE)
    setting = of('containerd', '{architecture}.tgz', digest)
    done = guest.run('40-containerd', MAGNUM_CONTAINERD=setting)
    succeeded(done)
    assert 'package containerd\n' not in done.stdout
    assert 'package runc' in done.stdout
    (call,) = guest.calls()
    assert '--proto =https --proto-redir =https ' in call
    assert call.endswith(' https://mirror/amd64.tgz')
    assert {guest.says(name) for name in ('containerd', 'ctr', 'containerd-shim-runc-v2')} == {
        'of the release', 'ctr', 'shim',
    }
    assert f'\nExecStart={guest.programs}/containerd\n' in guest.unit.read_text()
    assert 'systemctl restart containerd' in guest.started()
    owner = (guest.programs / 'containerd').resolve().stat()
    assert owner.st_uid == os.getuid()
    # cloud-init may run again.
    succeeded(guest.run('40-containerd', MAGNUM_CONTAINERD=setting))
    assert not guest.calls()


def test_a_bundle_brings_runc_and_plugins_and_no_network(guest: Guest) -> None:
    digest = guest.archive('b.tgz', BUNDLE)
    done = guest.run('40-containerd', MAGNUM_CONTAINERD=of('containerd', 'b.tgz', digest, 'own'))
    succeeded(done)
    assert 'package runc' not in done.stdout
    assert 'containernetworking' not in done.stdout
    assert guest.says('containerd') == 'of the bundle'
    assert guest.plugins() == f'/usr/local/lib/magnum/containerd/own-{digest}/opt/cni/bin'
    assert not (guest.root / 'etc/cni').exists()
    assert not (guest.programs / 'configure.sh').exists()
    assert not (guest.programs / 'bridge').exists(), 'iproute2 has a program of this name'


def test_another_release_and_back_again(guest: Guest) -> None:
    """As an upgrade does, and puts back what it had if it fails: without the mirror."""
    one = of('containerd', 'one', guest.archive('one', RELEASE))
    other = {'bin/containerd': SAYS.format('of the other')}
    two = of('containerd', 'two', guest.archive('two', other), 'v2')
    succeeded(guest.run('40-containerd', MAGNUM_CONTAINERD=one))
    succeeded(guest.run('40-containerd', MAGNUM_CONTAINERD=two))
    assert guest.says('containerd') == 'of the other'
    assert not (guest.programs / 'ctr').exists(), 'that of the former release'
    (guest.root / 'web/one').unlink()
    succeeded(guest.run('40-containerd', MAGNUM_CONTAINERD=one))
    assert (guest.says('containerd'), guest.says('ctr')) == ('of the release', 'ctr')
    done = guest.run('40-containerd')
    succeeded(done)
    assert 'package containerd' in done.stdout
    assert not (guest.programs / 'containerd').exists()
    assert not guest.unit.exists()


@pytest.mark.parametrize('wrong', ['digest', 'none', 'cut'])
def test_what_is_not_right_changes_nothing(guest: Guest, wrong: str) -> None:
    digest = guest.archive('a', RELEASE)
    if wrong == 'digest':
        digest = '1' * 64
    if wrong == 'cut':
        file = guest.root / 'web/a'
        file.write_bytes(file.read_bytes()[:-20])
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    setting = of('containerd', 'a', digest)
    if wrong == 'none':
        setting = 'v1 https://mirror/a'
    done = guest.run('40-containerd', MAGNUM_CONTAINERD=setting)
    assert done.returncode == (86 if wrong == 'none' else 1 if wrong == 'digest' else 2)
    assert not (guest.programs / 'containerd').exists()
    assert guest.started() == ''


@pytest.mark.parametrize('program', ['tar', 'sync'])
def test_half_of_an_archive_is_not_taken_for_all(guest: Guest, program: str) -> None:
    """It was killed, or the power went before all was on the disk."""
    setting = of('containerd', 'a', guest.archive('a', RELEASE))
    guest.program(program, '#!/bin/sh\nkill -9 $PPID\n')
    assert guest.run('40-containerd', MAGNUM_CONTAINERD=setting).returncode == -9
    assert not list((guest.root / 'usr/local/lib/magnum/containerd').glob('v*[0-9a-f]'))
    (guest.programs / program).unlink()
    succeeded(guest.run('40-containerd', MAGNUM_CONTAINERD=setting))
    assert guest.says('containerd') == 'of the release'


def test_plugins_of_a_release(guest: Guest) -> None:
    packaged = guest.root / 'usr/lib/cni/bridge'
    packaged.parent.mkdir(parents=True)
    packaged.symlink_to('/bin/true')
    digest = guest.archive('p.tgz', PLUGINS)
    done = guest.run('40-containerd', MAGNUM_CNI_PLUGINS=of('cni-plugins', 'p.tgz', digest))
    succeeded(done)
    folder = f'/usr/local/lib/magnum/cni-plugins/v1-{digest}'
    assert guest.plugins() == folder
    assert os.access(f'{guest.root}{folder}/portmap', os.X_OK)
    assert not (guest.programs / 'bridge').exists()
    succeeded(guest.run('40-containerd'))
    assert guest.plugins() == '/usr/lib/cni'


def test_etcd_of_a_release(guest: Guest) -> None:
    digest = guest.archive('e.tgz', ETCD)
    done = guest.run('50-etcd', MAGNUM_ETCD=of('etcd', 'e.tgz', digest, 'v3'))
    succeeded(done)
    assert 'package' not in done.stdout
    assert (guest.says('etcd'), guest.says('etcdctl')) == ('etcd', 'etcdctl')
    unit = (guest.root / 'etc/systemd/system/magnum-etcd.service').read_text()
    assert f'ExecStart="{guest.programs}/etcd"' in unit


def test_etcd_of_packages_as_ever(guest: Guest) -> None:
    done = guest.run('50-etcd', MAGNUM_ETCD='', MAGNUM_ETCD_OF_GUEST='')
    succeeded(done)
    assert done.stdout.splitlines()[:2] == ['package etcd-server', 'package etcd-client']


def test_etcd_of_the_default_where_the_guest_has_none(guest: Guest) -> None:
    setting = of('etcd', 'e.tgz', guest.archive('e.tgz', ETCD), 'v3')
    for _time in ('at boot', 'when cloud-init runs again'):
        done = guest.run('50-etcd', MAGNUM_ETCD=setting, MAGNUM_ETCD_OF_GUEST='true')
        succeeded(done)
        assert 'package' not in done.stdout
        assert (guest.says('etcd'), guest.says('etcdctl')) == ('etcd', 'etcdctl')
    assert len(guest.calls()) == 1


def test_etcd_of_the_guest_goes_before_the_default(guest: Guest) -> None:
    """An image with all programs inside, where there is no way to their projects."""
    for name in ('etcd', 'etcdctl'):
        guest.program(name, SAYS.format('of the image'))
    setting = of('etcd', 'e.tgz', '0' * 64, 'v3')
    succeeded(guest.run('50-etcd', MAGNUM_ETCD=setting, MAGNUM_ETCD_OF_GUEST='true'))
    assert (guest.says('etcd'), guest.calls()) == ('of the image', [])
    # A label asks for its own.
    setting = of('etcd', 'e.tgz', guest.archive('e.tgz', ETCD), 'v3')
    succeeded(guest.run('50-etcd', MAGNUM_ETCD=setting, MAGNUM_ETCD_OF_GUEST=''))
    assert guest.says('etcd') == 'etcd'


def test_etcd_of_packages_where_no_digest_of_the_default_is_known(guest: Guest) -> None:
    guest.program('dpkg', '#!/bin/sh\necho s390x\n')
    setting = of('etcd', 'e.tgz', '0' * 64, 'v3')
    done = guest.run('50-etcd', MAGNUM_ETCD=setting, MAGNUM_ETCD_OF_GUEST='true')
    succeeded(done)
    assert done.stdout.splitlines()[:2] == ['package etcd-server', 'package etcd-client']
