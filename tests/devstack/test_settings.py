"""The plugin on hosts where it needs no cloud: refusals, and a conductor only."""

import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

from magnum import conf as magnum_conf
from tests.devstack.harness import CHECKOUT, Devstack

KEY = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
_CLOUD = {
    'REGION_NAME': 'RegionOne',
    'KEYSTONE_SERVICE_URI': 'http://192.0.2.1/identity',
    'MEMCACHE_SERVERS': '192.0.2.1:11211',
    'BASE_SQL_CONN': 'mysql+pymysql://root:secret@192.0.2.1',
    'RABBIT_URL': 'rabbit://stackrabbit:secret@192.0.2.1:5672/',
    'PUBLIC_NETWORK_NAME': 'public',
}


@pytest.fixture
def devstack(tmp_path: pathlib.Path) -> Devstack:
    host = Devstack(tmp_path, _CLOUD)
    host.link_plugins()
    return host


@pytest.mark.parametrize(('plugins', 'localrc', 'says'), [
    (('magnum', 'heat'), '', 'enable_plugin heat before enable_plugin magnum'),
    (('magnum',), '', 'Magnum needs Heat'),
    (('magnum',), 'disable_service magnum-api', 'MAGNUM_ENCRYPTION_KEY must be that of'),
    (('heat', 'magnum'), 'MAGNUM_POLICY_FILE=/nowhere', 'MAGNUM_POLICY_FILE cannot be read'),
])
def test_what_cannot_work_is_refused_before_anything_is_installed(
    devstack: Devstack, plugins: tuple[str, ...], localrc: str, says: str
) -> None:
    devstack.write_local_conf(*plugins, localrc=localrc)
    assert says in devstack.run('stack', check=False)
    assert not devstack.etc.exists()


def test_the_examples_of_the_readme(devstack: Devstack) -> None:
    text = (CHECKOUT / 'devstack/README.rst').read_text()
    blocks = re.findall(r'code-block:: ini\n\n((?:   .*\n|\n)+)', text)
    one_host, another = (textwrap.dedent(block) for block in blocks)
    conf = devstack.directory / 'local.conf'
    conf.write_text(one_host)
    devstack.run('stack', 'pre-install')
    conf.write_text(another)
    devstack.run('stack', 'pre-install', 'post-config')
    assert 'encryption.keys' in {path.name for path in devstack.etc.iterdir()}


def test_a_host_with_a_conductor_only(devstack: Devstack) -> None:
    """Its file has what a conductor needs, no option is unknown, and nobody else reads it."""
    devstack.write_local_conf(
        'magnum', localrc=f'disable_service magnum-api\nMAGNUM_ENCRYPTION_KEY={KEY}\n',
        more='[[post-config|$MAGNUM_CONF]]\n[conductor]\nthreads = 3\n',
    )
    devstack.run('stack', 'pre-install', 'post-config')
    file = devstack.etc / 'magnum.conf'
    conf = magnum_conf.load(config_files=[str(file)], conf=magnum_conf.new_config())
    written = devstack.read(file)
    assert written['DEFAULT']['transport_url'] == _CLOUD['RABBIT_URL']
    assert written['database']['connection'] == f'{_CLOUD["BASE_SQL_CONN"]}/magnum?charset=utf8mb4'
    assert conf.conductor.threads == 3
    assert pathlib.Path(conf.certificates.encryption_key_file).read_text().strip() == KEY
    assert not (devstack.etc / 'magnum-uwsgi.ini').exists()
    for path in devstack.etc.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    _check_options(file)


def _check_options(file: pathlib.Path) -> None:
    """Every option is one of the service or of the libraries that it uses."""
    checked = subprocess.run(
        [
            pathlib.Path(sys.executable).with_name('oslo-config-validator'),
            '--input-file', file, '--exclude-group', 'keystone_auth', '--exclude-group',
            'keystone_authtoken',
            '--config-file', CHECKOUT / 'etc/magnum/magnum-config-generator.conf',
        ],
        capture_output=True, text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_key_stays_and_a_policy_is_taken(devstack: Devstack) -> None:
    """What stack.sh writes a second time is what it wrote before."""
    policy = devstack.directory / 'mine.yaml'
    policy.write_text('"bay:create": "role:member"\n')
    devstack.write_local_conf(
        'magnum', localrc='disable_service magnum-api\n'
        f'MAGNUM_ENCRYPTION_KEY={KEY}\nMAGNUM_POLICY_FILE={policy}\n'
    )
    devstack.run('stack', 'post-config')
    first = {path.name: path.read_text() for path in devstack.etc.iterdir()}
    assert first['policy.yaml'] == policy.read_text()
    devstack.run('stack', 'post-config')
    assert {path.name: path.read_text() for path in devstack.etc.iterdir()} == first
    devstack.run('clean')
    assert not devstack.etc.exists()
    assert not (devstack.directory / 'data/magnum').exists()


@pytest.mark.parametrize(('driver', 'topics', 'then'), [
    ('', '', 'magnum-heat'),
    ('noop', '', 'magnum-heat'),
    ('messagingv2', '', 'notifications,magnum-heat'),
    ('messagingv2', 'alarms', 'alarms,magnum-heat'),
    ('messagingv2', 'magnum-heat,alarms', 'magnum-heat,alarms'),
])
def test_other_readers_of_heats_notifications_keep_theirs(
    devstack: Devstack, driver: str, topics: str, then: str
) -> None:
    section = '[oslo_messaging_notifications]\n'
    section += f'driver = {driver}\n' if driver else ''
    section += f'topics = {topics}\n' if topics else ''
    (devstack.directory / 'heat.conf').write_text(section)
    devstack.write_local_conf(
        'heat', 'magnum', localrc=f'disable_service magnum-api\nMAGNUM_ENCRYPTION_KEY={KEY}\n'
    )
    devstack.run('stack', 'post-config')
    heat = devstack.read(devstack.dest / 'etc/heat/heat.conf')
    assert heat['oslo_messaging_notifications'] == {'driver': 'messagingv2', 'topics': then}
    assert heat['DEFAULT']['reauthentication_auth_method'] == 'trusts'
    assert heat['ec2authtoken']['endpoint_override'] == 'http://192.0.2.1/identity'
