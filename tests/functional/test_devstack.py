"""The devstack plugin, run as devstack runs it, over the development cloud.

Then the service that it has configured is used, stopped and removed.
"""

import configparser
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.devstack.harness import Devstack
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.common import network
from tools.devcloud import backends, configuration, settings

NAME = 'devstack'  # of the domain of its service accounts
BAYS = 'devstack-bays'  # of the domain of its bays' users
ADMINISTRATOR = 'devstack-bays-admin'
CLIENT = 'magnumclient-5.0.0'
IMAGE = 'devstack-guest'
TYPES = ('container-infra', 'container')
AWAY = '-set-aside'

#: Who logs in meanwhile is given a catalogue without the other Magnum.
pytestmark = pytest.mark.alone

#: What of Heat's configuration is for the plugin to set.
OF_HEAT = {
    'DEFAULT': ['reauthentication_auth_method'],
    'ec2authtoken': ['endpoint_override'],
    'oslo_messaging_notifications': ['driver', 'topics'],
}


class Identity:
    """Keystone, as the cloud's administrator."""

    def __init__(self, admin: Person):
        self._api = admin.service('identity')

    def rows(self, kind: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.get(f'/{kind}', params=query).json()[kind]
        return found

    def one(self, kind: str, **query: str) -> dict[str, Any]:
        (row,) = self.rows(kind, **query)
        return row

    def make(self, kind: str, **members: str) -> str:
        return str(self._api.post(f'/{kind}s', json={kind: members}).json()[kind]['id'])

    def change(self, kind: str, uuid: str, **members: Any) -> None:
        self._api.patch(f'/{kind}s/{uuid}', json={kind: members})

    def roles(self, user: str, scope: str) -> set[str]:
        """Names of a user's roles on what a path names."""
        listed = self._api.get(f'/{scope}/users/{user}/roles').json()['roles']
        return {role['name'] for role in listed}

    def remove_domain(self, name: str) -> None:
        for domain in self.rows('domains', name=name):
            self.change('domain', domain['id'], enabled=False)
            self._api.delete(f'/domains/{domain["id"]}')

    def remove(self, kind: str, uuid: str) -> None:
        self._api.delete(f'/{kind}s/{uuid}')


@dataclasses.dataclass
class Stack:
    """A devstack, what is at its end, and its cloud's administrator."""

    devstack: Devstack
    identity: Identity
    port: int

    @property
    def url(self) -> str:
        return f'http://{settings.IP}:{self.port}/v1'

    def openstack(self, person: str, *command: str) -> Any:
        """``openstack`` of devstack's environment; its JSON."""
        done = subprocess.run(
            [self.devstack.venv / 'bin/openstack', *command, '-f', 'json'],
            env={
                'PATH': os.defpath, 'HOME': str(self.devstack.directory), 'LANG': 'C.UTF-8',
                **settings.openrc(person),
            },
            capture_output=True, text=True, timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # A sentence for people may come before it.
        return json.loads(re.sub(r'^Request .* accepted$', '', done.stdout, flags=re.MULTILINE))


@pytest.fixture(scope='module')
def identity(people: dict[str, Person]) -> Iterator[Identity]:
    """Keystone without anything that the plugin makes, as it is before stack.sh.

    The catalogue's entries of the other Magnum get another type for that long.
    """
    identity = Identity(people['admin'])
    _restore(identity)  # after a run that was killed
    for service_type in TYPES:
        for service in identity.rows('services', type=service_type):
            identity.change('service', service['id'], type=service_type + AWAY)
    identity.make('project', name='service', domain_id=identity.make('domain', name=NAME))
    yield identity
    _restore(identity)


def _restore(identity: Identity) -> None:
    away = [row for row in identity.rows('services') if row['type'].endswith(AWAY)]
    for service in away:
        own = service['type'].removesuffix(AWAY)
        for other in identity.rows('services', type=own):
            identity.remove('service', other['id'])
        identity.change('service', service['id'], type=own)
    for name in (NAME, BAYS):
        identity.remove_domain(name)


@pytest.fixture(scope='module')
def stack(
    identity: Identity, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp('devstack')
    devstack = Devstack(directory, {
        'ENABLED_SERVICES': 'keystone,mysql,rabbit,g-api,n-api,neutron,horizon,tempest',
        'REGION_NAME': settings.REGION,
        'ADMIN_PASSWORD': settings.PASSWORD,
        'SERVICE_PASSWORD': settings.PASSWORD,
        'SERVICE_DOMAIN_NAME': NAME,
        'KEYSTONE_SERVICE_URI': settings.KEYSTONE_URL,
        'MEMCACHE_SERVERS': settings.MEMCACHED,
        'MYSQL_SOCKET': str(settings.MARIADB_SOCKET),
        'DATABASE_USER': settings.DATABASE_USER,
        'DATABASE_PASSWORD': settings.PASSWORD,
        'BASE_SQL_CONN': settings.mariadb_url('').partition('/?')[0],
        # One virtual host for all services: there is only one in devstack.
        'RABBIT_URL': settings.rabbitmq_url(settings.CLOUD_VHOST),
        'PUBLIC_NETWORK_NAME': settings.EXTERNAL_NETWORK,
    })
    devstack.link_plugins()
    devstack.clone_magnum()
    devstack.write_certificate()
    devstack.make_venv(_constraints(), settings.CLIENTS / CLIENT)
    _write_heat_conf(directory / 'heat.conf')
    _write_image(directory / f'{IMAGE}.qcow2')
    (directory / 'keystone.conf').write_text('[token]\nexpiration = 600\n')
    (directory / 'clouds.yaml').write_text(json.dumps({'clouds': {'devstack-admin': {
        'auth': {
            'auth_url': settings.KEYSTONE_URL, 'username': 'admin', 'project_name': 'admin',
            'password': settings.PASSWORD, 'user_domain_name': 'Default',
            'project_domain_name': 'Default',
        },
        'region_name': settings.REGION,
    }}}))
    port = network.find_free()
    devstack.write_local_conf(
        'heat', 'magnum',
        localrc=f'MAGNUM_SERVICE_PORT={port}\nMAGNUM_SERVICE_PORT_INT={network.find_free()}\n'
        f'MAGNUM_DOMAIN_NAME={BAYS}\nMAGNUM_DOMAIN_ADMIN={ADMINISTRATOR}\n'
        f'MAGNUM_IMAGE_URL=file://{directory}/{IMAGE}.qcow2\n',
        more='[[post-config|$MAGNUM_CONF]]\n[conductor]\npoll_interval = 1\nwatch_interval = 2\n',
    )
    try:
        devstack.run('stack')
        yield Stack(devstack, identity, port)
    finally:
        devstack.kill_processes()
        backends.sql('DROP DATABASE IF EXISTS magnum')
        backends.sql('CREATE DATABASE magnum CHARACTER SET utf8mb4')


def _constraints() -> str:
    """Versions of what the plugin installs: those that the cloud was made with."""
    pins = (settings.SOURCE / 'constraints.txt').read_text().splitlines()
    uwsgi = [pin for pin in pins if pin.lower().startswith('uwsgi')]
    client = CLIENT.replace('magnumclient-', 'python-magnumclient==')
    return '\n'.join([*uwsgi, client, 'magnum-ui==19.0.0']) + '\n'


def _write_heat_conf(path: pathlib.Path) -> None:
    """The cloud's own, without what is for the plugin to set."""
    parser = configparser.RawConfigParser(default_section='')
    parser.read(configuration.conf_file('heat'))
    for section, options in OF_HEAT.items():
        for option in options:
            parser.remove_option(section, option)
    with open(path, 'w') as file:
        parser.write(file)


def _write_image(path: pathlib.Path) -> None:
    """An empty disk of the format qcow2."""
    cluster = 1 << 16
    header = b'QFI\xfb' + b''.join(number.to_bytes(size, 'big') for number, size in (
        (2, 4), (0, 8), (0, 4), (16, 4), (1 << 20, 8), (0, 4), (1, 4), (3 * cluster, 8),
        (cluster, 8), (1, 4), (0, 4), (0, 8),
    ))
    path.write_bytes(header.ljust(cluster * 4, b'\0'))


def test_accounts_and_catalogue(stack: Stack) -> None:
    identity = stack.identity
    domain = identity.one('domains', name=NAME)['id']
    user = identity.one('users', name='magnum', domain_id=domain)['id']
    project = identity.one('projects', name='service', domain_id=domain)['id']
    assert identity.roles(user, f'projects/{project}') == {'admin', 'service'}
    bays = identity.one('domains', name=BAYS)['id']
    administrator = identity.one('users', domain_id=bays)
    assert administrator['name'] == ADMINISTRATOR
    assert identity.roles(administrator['id'], f'domains/{bays}') == {'admin'}
    service = identity.one('services', type='container-infra')
    endpoint = identity.one('endpoints', service_id=service['id'], interface='public')
    assert (endpoint['url'], endpoint['region']) == (stack.url, settings.REGION)


def test_heat_is_told_what_the_development_clouds_own_has(stack: Stack) -> None:
    theirs = stack.devstack.read(configuration.conf_file('heat'))
    ours = stack.devstack.read(stack.devstack.dest / 'etc/heat/heat.conf')
    for section, options in OF_HEAT.items():
        for option in options:
            assert ours[section][option] == theirs[section][option], (section, option)
    keystone = stack.devstack.read(stack.devstack.directory / 'keystone.conf')
    assert keystone['credential']['auth_ttl'] == '3000'


def test_horizon_and_tempest_know_of_it(stack: Stack) -> None:
    panels = {path.name for path in _enabled(stack).iterdir()}
    assert '_1372_project_container_infra_cluster_templates_panel.py' in panels
    tempest = stack.devstack.read(stack.devstack.directory / 'tempest.conf')
    assert tempest['service_available'] == {'magnum': 'True'}
    assert tempest['magnum']['image_id'] == IMAGE
    assert tempest['magnum']['nic_id'] == settings.EXTERNAL_NETWORK


def _enabled(stack: Stack) -> pathlib.Path:
    return stack.devstack.horizon / 'openstack_dashboard/local/enabled'


def test_baymodel_and_bay(stack: Stack, people: dict[str, Person]) -> None:
    """With the client and the image of the plugin, in the domain of the plugin."""
    alice = people['alice']
    made = stack.openstack(
        'alice', 'coe', 'cluster', 'template', 'create', 'devstack-model', '--coe', 'swarm',
        '--image', IMAGE, '--external-network', settings.EXTERNAL_NETWORK,
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
    )
    assert made['name'] == 'devstack-model'
    listed = stack.openstack('alice', 'coe', 'cluster', 'template', 'list')
    assert [row['name'] for row in listed] == ['devstack-model']
    # The plugin of this repository.
    listed = stack.openstack('alice', 'baymodel', 'list')
    assert [row['name'] for row in listed] == ['devstack-model']

    def get(path: str) -> Any:
        answer = alice.keystone.get(stack.url + path, raise_exc=False)
        return answer.json() if answer.ok else None

    asked = alice.keystone.post(f'{stack.url}/clusters', json={
        'name': 'devstack', 'cluster_template_id': made['uuid'], 'node_count': 0,
        'labels': {'note': '\N{WHALE}'},
    }, headers={'OpenStack-API-Version': 'container-infra latest'})
    uuid = asked.json()['uuid']
    bay = wait_until(lambda: (found := get(f'/clusters/{uuid}')) and found['stack_id'] and found)
    assert bay['labels']['note'] == '\N{WHALE}'
    heat = alice.service('orchestration')
    assert heat.get(f'/stacks/{bay["stack_id"]}').json()['stack']['stack_status'] in (
        'CREATE_IN_PROGRESS', 'CREATE_COMPLETE'
    )
    domain = stack.identity.one('domains', name=BAYS)['id']
    assert len(stack.identity.rows('users', domain_id=domain)) == 2
    assert alice.keystone.delete(f'{stack.url}/clusters/{uuid}').status_code == 204
    wait_until(lambda: get(f'/clusters/{uuid}') is None)
    assert len(stack.identity.rows('users', domain_id=domain)) == 1
    assert alice.keystone.delete(f'{stack.url}/baymodels/{made["uuid"]}').status_code == 204


def test_the_conductor_reports(stack: Stack, people: dict[str, Person]) -> None:
    services = people['admin'].keystone.get(f'{stack.url}/mservices').json()['mservices']
    assert [(row['binary'], row['state']) for row in services] == [('magnum-conductor', 'up')]


def test_logs_have_no_secret(stack: Stack) -> None:
    key = (stack.devstack.etc / 'encryption.keys').read_text().strip()
    logs = list(stack.devstack.logs.iterdir())
    assert {log.name for log in logs} == {'magnum-api.log', 'magnum-cond.log'}
    for log in logs:
        text = log.read_text()
        assert key not in text
        assert not re.search(rf'\b{settings.PASSWORD}\b', text), log


def _content(stack: Stack) -> tuple[dict[str, str], dict[str, set[str]]]:
    """What stack.sh writes, and what it makes in Keystone."""
    files = {path.name: path.read_text() for path in stack.devstack.etc.iterdir()}
    identity = stack.identity
    found = {kind: identity.rows(kind) for kind in ('services', 'endpoints')}
    found['domains'] = [identity.one('domains', name=name) for name in (NAME, BAYS)]
    # Others are of bays that other tests make and delete meanwhile.
    found['users'] = [
        user for domain in found['domains']
        for user in identity.rows('users', domain_id=domain['id'])
    ]
    return files, {kind: {row['id'] for row in rows} for kind, rows in found.items()}


def test_a_second_time(stack: Stack) -> None:
    before = _content(stack)
    stack.devstack.run('unstack')
    stack.devstack.run('stack')
    assert _content(stack) == before
    assert requests.get(stack.url, timeout=10).status_code == 200


def test_behind_the_tls_proxy(stack: Stack, people: dict[str, Person]) -> None:
    """After unstack.sh, with a Keystone that stack.sh has emptied."""
    stack.devstack.run('unstack')
    identity = stack.identity
    identity.remove('service', identity.one('services', type='container-infra')['id'])
    conf = stack.devstack.directory / 'local.conf'
    conf.write_text(conf.read_text().replace(
        '[[post', 'enable_service tls-proxy\nSERVICE_PROTOCOL=https\n[[post', 1
    ))
    stack.devstack.run('stack', 'post-config', 'extra')
    url = stack.url.replace('http:', 'https:')
    service = identity.one('services', type='container-infra')['id']
    assert identity.one('endpoints', service_id=service)['url'] == url
    bundle = str(stack.devstack.directory / 'ca-bundle.pem')
    token = people['alice'].keystone.get_token() or ''
    answer = requests.get(
        f'{url}/baymodels', headers={'X-Auth-Token': token}, verify=bundle, timeout=30
    )
    assert answer.json() == {'baymodels': []}
    version = requests.get(url, verify=bundle, timeout=30).json()
    assert version['links'][0]['href'].startswith(url)
    magnum = stack.devstack.read(stack.devstack.etc / 'magnum.conf')
    assert magnum['drivers']['openstack_ca_file'] == bundle


def test_unstack_and_clean_leave_nothing(stack: Stack) -> None:
    stack.devstack.run('unstack')
    # devstack's own proxy stays.
    wait_until(
        lambda: all('tls_proxy' in command for command in _processes(stack)), seconds=10, every=0.2
    )
    stack.devstack.run('clean')
    assert not stack.devstack.etc.exists()
    assert not (stack.devstack.directory / 'data/magnum').exists()
    assert list(_enabled(stack).iterdir()) == []


def _processes(stack: Stack) -> list[str]:
    """Command lines that have to do with this devstack."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
            if str(stack.devstack.directory) in command:
                found.append(command)
    return found
