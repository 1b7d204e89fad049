"""The volume that etcd has on each master: its stack, its upgrades, the real step."""

import os
import pathlib
import subprocess
from typing import Any

import pytest

from magnum.drivers.contract import MASTER, WORKER, BayPlan, PlanRefused
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import control_plane, hot, node_files, plans

DRIVER = KubernetesDriver()
VOLUME = {'etcd_volume_size': '20', 'etcd_volume_type': 'ssd'}
ETCD_ID, DOCKER_ID = 'e7cd0000-9a3c-4f5e-8f7e-0a1b2c3d4e5f', 'd0c40000-9a3c-4f5e-8f7e-0a1b2c3d4e5f'


def plan(labels: dict[str, str], **changes: Any) -> BayPlan:
    return plans.plan(DRIVER, labels=labels, **changes)


def test_masters_have_it_and_nobody_else() -> None:
    of = plan({**VOLUME, 'volume_availability_zone': 'east'})
    DRIVER.validate(of)
    request = DRIVER.render(of)
    assert (request.parameters['etcd_volume_size'], request.parameters['etcd_volume_type']) == (
        '20', 'ssd',
    )
    resources = hot.parse(request.template)['resources']
    given = {
        name: resources[name]['properties']['resource_def']['properties'].get('etcd_volume_size')
        for name in ('kube_masters', 'kube_minions')
    }
    assert given == {'kube_masters': {'get_param': 'etcd_volume_size'}, 'kube_minions': None}
    group = DRIVER.render_nodegroup(of, plans.further_group(), plans.bay_outputs(DRIVER, of))
    assert not any('etcd' in name for name in group.parameters)
    node = hot.parse(request.files['common/templates/node.yaml'])
    volume, docker = (
        node['resources'][f'{name}_volume']['properties'] for name in ('etcd', 'docker')
    )
    assert volume['availability_zone'] == docker['availability_zone']


def test_without_the_label_there_is_none() -> None:
    parameters = DRIVER.render(plan({})).parameters
    assert (parameters['etcd_volume_size'], parameters['etcd_volume_type']) == ('0', '')


@pytest.mark.parametrize('size', ['much', '-1', '1.5'])
def test_refused_sizes(size: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plan({'etcd_volume_size': size}))
    assert refused.value.field == 'labels/etcd_volume_size'


def test_it_counts() -> None:
    masters = plans.group(MASTER, 3, docker_volume_size=5)
    taken = DRIVER.footprint(plan(VOLUME, masters=masters))
    before = DRIVER.footprint(plan({}, masters=masters))
    assert (before['volumes'], before['volume_gigabytes']) == (3, 15)
    assert (taken['volumes'], taken['volume_gigabytes']) == (6, 75)
    assert {**taken, 'volumes': 3, 'volume_gigabytes': 15} == before
    for driver in plans.DRIVERS:
        if driver.name != 'kubernetes':
            taken = driver.footprint(plans.plan(driver, labels=VOLUME))
            assert taken.get('volumes', 0) == 0


@pytest.mark.parametrize('label', VOLUME)
def test_an_upgrade_does_not_change_it(label: str) -> None:
    current = plan(VOLUME)
    without = {name: value for name, value in VOLUME.items() if name != label}
    for labels in ({**without, label: '30'}, without):
        with pytest.raises(PlanRefused) as refused:
            DRIVER.check_upgrade(current, plan(labels))
        assert refused.value.field == f'labels/{label}'
    DRIVER.check_upgrade(current, current)
    outputs = plans.bay_outputs(DRIVER, current)
    assert outputs['settled']['etcd_volume_size'] == '20'
    request = DRIVER.render_upgrade(current, current.workers, (), {}, outputs)
    assert request.parameters['etcd_volume_size'] == '20'


def test_masters_of_old_get_none() -> None:
    """The label did nothing when they were made; a volume would go before their data."""
    current = plan(VOLUME)
    outputs = plans.bay_outputs(DRIVER, current)
    for name in VOLUME:
        del outputs['settled'][name]
    request = DRIVER.render_upgrade(current, current.workers, (), {}, outputs)
    assert (request.parameters['etcd_volume_size'], request.parameters['etcd_volume_type']) == (
        0, '',
    )


class Guest:
    """A node whose disks are files: mkfs and blkid are real, mounts are noted."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        for folder in ('dev', 'usr/local/bin', 'etc', 'var/lib'):
            (root / folder).mkdir(parents=True)
        (root / 'etc/fstab').write_text('LABEL=root / ext4 defaults 0 1\n')
        for name, text in {
            'mountpoint': f'grep -qsx "$2" {root}/mounted',
            'mount': f'echo "$1" >>{root}/mounted',
        }.items():
            file = root / 'usr/local/bin' / name
            file.write_text(f'#!/bin/sh\n{text}\n')
            file.chmod(0o755)
        node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        self.step = node_files.place(root, 'common/node/30-volume.sh', 'opt/30.sh')
        text = self.step.read_text().replace('/dev/disk/by-id', f'{root}/dev')
        text = text.replace('/etc/fstab', f'{root}/etc/fstab').replace('[ -b', '[ -f')
        self.step.write_text(text.replace('wait_until 600', 'wait_until 0'))

    def disk(self, ident: str) -> pathlib.Path:
        file = self.root / f'dev/virtio-{ident[:20]}'
        with file.open('wb') as disk:
            disk.truncate(16 * 1024 * 1024)
        return file

    def run(
        self, docker: str = '', etcd: str = '', **told: str
    ) -> 'subprocess.CompletedProcess[str]':
        return subprocess.run(
            [self.step], capture_output=True, text=True, check=False, timeout=60,
            env={
                'PATH': f'{self.root}/usr/local/bin:/usr/sbin:/sbin:{os.environ["PATH"]}',
                'MAGNUM_VOLUME_ID': docker, 'MAGNUM_ETCD_VOLUME_ID': etcd,
                'MAGNUM_VOLUME_MOUNT': f'{self.root}/var/lib/containerd',
                **told,
            },
        )

    def fstab(self) -> list[str]:
        lines = (self.root / 'etc/fstab').read_text().splitlines()[1:]
        return [line.replace(str(self.root), '') for line in lines]

    def mounted(self) -> list[str]:
        file = self.root / 'mounted'
        text = file.read_text() if file.exists() else ''
        return text.replace(str(self.root), '').split()


def tag(disk: pathlib.Path, name: str) -> str:
    done = subprocess.run(
        ['/usr/sbin/blkid', '--probe', '--output', 'value', '--match-tag', name, str(disk)],
        capture_output=True, text=True, check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> Guest:
    return Guest(tmp_path)


OF_ETCD = 'LABEL=magnum-etcd /var/lib/magnum-etcd ext4 defaults,nofail 0 2'
OF_CONTAINERS = 'LABEL=magnum /var/lib/containerd ext4 defaults,nofail 0 2'


def test_each_volume_is_mounted_where_it_belongs(guest: Guest) -> None:
    docker, etcd = guest.disk(DOCKER_ID), guest.disk(ETCD_ID)
    done = guest.run(DOCKER_ID, ETCD_ID)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tag(docker, 'LABEL'), tag(docker, 'TYPE')) == ('magnum', 'ext4')
    assert (tag(etcd, 'LABEL'), tag(etcd, 'TYPE')) == ('magnum-etcd', 'ext4')
    assert guest.fstab() == [OF_CONTAINERS, OF_ETCD]
    assert guest.mounted() == ['/var/lib/containerd', '/var/lib/magnum-etcd']


def test_what_is_on_it_stays(guest: Guest) -> None:
    """cloud-init may run again, and a volume may have been used before."""
    etcd = guest.disk(ETCD_ID)
    assert guest.run(etcd=ETCD_ID).returncode == 0
    before = tag(etcd, 'UUID')
    (guest.root / 'mounted').unlink()                       # as after a boot
    assert guest.run(etcd=ETCD_ID).returncode == 0
    assert tag(etcd, 'UUID') == before
    assert guest.fstab() == [OF_ETCD]
    assert guest.mounted() == ['/var/lib/magnum-etcd']
    assert guest.run(etcd=ETCD_ID).returncode == 0
    assert guest.mounted() == ['/var/lib/magnum-etcd']


@pytest.mark.parametrize(('masters', 'is_made'), [
    ('10.0.0.5', False), ('10.0.0.5 10.0.0.6 10.0.0.7', True),
])
def test_what_only_the_volume_knows_is_never_made_anew(
    guest: Guest, masters: str, is_made: bool
) -> None:
    """Other masters would tell it all; of the only one there is a mistake, or a fault."""
    etcd = guest.disk(ETCD_ID)
    done = guest.run(
        etcd=ETCD_ID, MAGNUM_NODE_REVISION='1', MAGNUM_NODE_ADDRESS='10.0.0.5',
        MAGNUM_MASTER_ADDRESSES=masters,
    )
    assert done.returncode == (0 if is_made else 86), done.stdout + done.stderr
    assert any(etcd.read_bytes()) is is_made
    assert (guest.mounted() == ['/var/lib/magnum-etcd']) is is_made
    assert ('has nothing of the master before this one' in done.stdout) is not is_made


def test_without_volumes_nothing_is_mounted(guest: Guest) -> None:
    guest.disk(ETCD_ID)
    assert guest.run().returncode == 0
    assert (guest.fstab(), guest.mounted()) == ([], [])


def test_a_volume_that_does_not_come_fails_the_step(guest: Guest) -> None:
    done = guest.run(etcd=ETCD_ID)
    assert done.returncode == 1
    assert 'gave up waiting for: find_device' in done.stdout
    assert guest.mounted() == []


def test_etcd_does_not_start_before_its_volume_is_there(tmp_path: pathlib.Path) -> None:
    """It would begin anew on the root disk."""
    node = control_plane.Node(tmp_path)
    done = node.run('50-etcd')
    assert done.returncode == 0, done.stderr
    unit = tmp_path / 'etc/systemd/system/magnum-etcd.service.d/magnum.conf'
    assert unit.read_text().replace(str(tmp_path), '').splitlines() == [
        '[Unit]', 'RequiresMountsFor=/var/lib/magnum-etcd',
        '[Service]', 'Type=notify', 'TimeoutStartSec=1200',
    ]


def test_nodes_are_told() -> None:
    request = DRIVER.render(plan(VOLUME))
    for role in (MASTER, WORKER):
        env = hot.files_of(request, role)['/etc/magnum/node.env']
        assert "\nMAGNUM_ETCD_VOLUME_ID='" in env
