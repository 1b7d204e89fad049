"""openstacksdk: the service's methods, and the connection's own; no version header."""

import contextlib
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functional.clients import certificates, record
from tests.functional.clients.bay_commands import is_going
from tests.functional.clients.conftest import Beginning
from tests.functional.clients.record import DEFECT, covers
from tests.functional.clients.shell import RAN
from tests.functional.people import Person
from tools.devcloud import settings

CLIENT = 'openstacksdk-4.22.0'

Settle = Callable[..., dict[str, Any]]

#: Names of other things that the connection has.
NOT_OF_MAGNUM = {'cluster', 'clustering', 'resource_cluster'}
INDEXING = 'The request is answered with 202 and done; then the client fails on that answer.'


class Refused(Exception):
    """The SDK raised; its text begins with the exception's name."""


class SDK:
    """One person's connection, in a process with the SDK."""

    def __init__(self, person: Person):
        environment = {k: v for k, v in os.environ.items() if not k.startswith('OS_')}
        self._process = subprocess.Popen(
            [
                str(settings.CLIENTS / CLIENT / 'bin/python'),
                str(pathlib.Path(__file__).with_name('sdk_calls.py')),
            ],
            env={**environment, **person.openrc}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def __call__(self, of: str, method: str, *arguments: Any, **options: Any) -> Any:
        things: dict[str, Any] = {
            key: options.pop(key) for key in ('cluster', 'template') if key in options
        }
        call: dict[str, Any] = {
            'of': of, 'method': method, 'arguments': arguments, 'options': options, **things
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(call) + '\n')
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        RAN.add((CLIENT, f'Cluster.{method}' if of == 'cluster' else method))
        if 'error' in answer:
            raise Refused(f"{answer['error']}: {answer['message']}")
        return answer['result']

    def proxy(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A method of ``conn.container_infrastructure_management``."""
        return self('proxy', method, *arguments, **options)

    def cloud(self, method: str, *arguments: Any, **options: Any) -> Any:
        """A method of ``conn``."""
        return self('cloud', method, *arguments, **options)

    def offered(self) -> set[str]:
        """Names of all methods that are about clusters."""
        words = ('cluster', 'coe_', 'magnum')
        names = {*self('proxy', '__dir__'), *self('cloud', '__dir__')}
        return {n for n in names if any(word in n for word in words) and not n.startswith('_')}

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _template(coe: str) -> dict[str, Any]:
    return {
        'coe': coe, 'image_id': 'debian-12', 'keypair_id': 'alice-key', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'external_network_id': settings.EXTERNAL_NETWORK,
    }


@pytest.fixture(scope='module')
def sdk(client: str, alice: Person) -> Iterator[SDK]:
    with contextlib.closing(SDK(alice)) as sdk:
        yield sdk


@pytest.fixture(scope='module')
def sdk_by_credential(client: str, people: dict[str, Person]) -> Iterator[SDK]:
    with contextlib.closing(SDK(people[settings.APPLICATION_CREDENTIAL])) as sdk:
        yield sdk


def begin(at: Beginning) -> dict[str, Any]:
    """The cluster, while other methods are tried."""
    with contextlib.closing(SDK(at.people['alice'])) as sdk:
        template = sdk.proxy(
            'create_cluster_template', name=f'{at.prefix}-template', **_template('kubernetes')
        )
        cluster = sdk.proxy(
            'create_cluster', name=f'{at.prefix}-cluster', cluster_template_id=template['id'],
            keypair='alice-key', node_count=1,
        )
    return {'template': template, 'cluster': cluster['id']}


@pytest.fixture(scope='module')
def template(begin: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = begin['template']
    return made


@pytest.fixture(scope='module')
def cluster(begin: dict[str, Any]) -> str:
    """The uuid of a cluster."""
    return str(begin['cluster'])


class TestTemplates:
    @covers('create_cluster_template', 'get_cluster_template', 'find_cluster_template')
    def test_get(self, sdk: SDK, template: dict[str, Any]) -> None:
        assert template['coe'] == 'kubernetes'
        assert sdk.proxy('get_cluster_template', template['id'])['name'] == template['name']
        assert sdk.proxy('find_cluster_template', template['name'])['uuid'] == template['id']
        assert sdk.proxy('find_cluster_template', 'nobody', ignore_missing=True) is None
        assert sdk.cloud('get_cluster_template', template['name'])['uuid'] == template['id']

    @covers('cluster_templates', 'list_cluster_templates', 'search_cluster_templates')
    def test_list(self, sdk: SDK, template: dict[str, Any]) -> None:
        for of, method in (('proxy', 'cluster_templates'), ('cloud', 'list_cluster_templates')):
            assert template['id'] in {row['id'] for row in sdk(of, method)}
        (found,) = sdk.cloud('search_cluster_templates', template['name'])
        assert found['id'] == template['id']
        pages = sdk.proxy('cluster_templates', limit=1)
        assert template['id'] in {row['id'] for row in pages}, 'follows next'

    @covers('delete_cluster_template')
    def test_update_of_an_object(self, sdk: SDK, prefix: str) -> None:
        spare = sdk.proxy(
            'create_cluster_template', name=f'{prefix}-spare', **_template('kubernetes')
        )
        changed = sdk.proxy(
            'update_cluster_template', template=spare['id'], dns_nameserver='9.9.9.9'
        )
        assert changed['dns_nameserver'] == '9.9.9.9'
        assert sdk.cloud('delete_cluster_template', f'{prefix}-spare') is True

    @covers(
        'update_cluster_template', outcome=DEFECT,
        why='With an object it works. With a name or id the client asks to move /uuid, '
        'which is refused: 400.',
    )
    def test_update_by_name(self, sdk: SDK, template: dict[str, Any]) -> None:
        with pytest.raises(Refused, match=r'BadRequestException.*move'):
            sdk.proxy('update_cluster_template', template['name'], name='another')


class TestServices:
    @covers('services', 'list_magnum_services')
    def test_services(self, people: dict[str, Person], sdk: SDK) -> None:
        with contextlib.closing(SDK(people['admin'])) as admin:
            for of, method in (('proxy', 'services'), ('cloud', 'list_magnum_services')):
                hosts = {row['host']: row['state'] for row in admin(of, method)}
                assert hosts['east'] == hosts['west'] == 'up'
        with pytest.raises(Refused, match='magnum-service:get_all'):
            sdk.proxy('services')


class TestClusters:
    @covers('create_coe_cluster', 'delete_coe_cluster', 'search_coe_clusters')
    def test_create_by_application_credential(
        self, sdk_by_credential: SDK, prefix: str, alice: Person
    ) -> None:
        """It is deleted while it is made: another cluster is there for the rest."""
        cloud = sdk_by_credential.cloud
        name = f'{prefix}-coe-cluster'
        template = cloud('create_cluster_template', f'{prefix}-coe', **_template('swarm'))
        made = cloud('create_coe_cluster', name, template['id'], node_count=1)
        (found,) = cloud('search_coe_clusters', name)
        assert found['uuid'] == made['id']
        assert cloud('delete_coe_cluster', name) is True
        assert is_going(alice, made['id'])
        assert cloud('delete_coe_cluster', 'nobody') is False

    @covers('create_cluster', 'get_cluster', 'get_coe_cluster')
    def test_get(self, sdk: SDK, cluster: str, settle: Settle, prefix: str) -> None:
        built = settle(cluster, 'CREATE_COMPLETE')
        for got in (
            sdk.proxy('get_cluster', cluster), sdk.proxy('get_cluster', f'{prefix}-cluster'),
        ):
            assert got['stack_id'] == built['cluster_id']
            for member in ('uuid', 'name', 'status', 'status_reason', 'api_address', 'keypair'):
                assert got[member] == built[member], member
        # This one takes it out of the list, which says less of each.
        got = sdk.cloud('get_coe_cluster', f'{prefix}-cluster')
        for member in ('uuid', 'name', 'status', 'keypair', 'node_count'):
            assert got[member] == built[member], member

    @covers('clusters', 'find_cluster', 'list_coe_clusters')
    def test_list(self, sdk: SDK, cluster: str, prefix: str) -> None:
        for of, method in (('proxy', 'clusters'), ('cloud', 'list_coe_clusters')):
            assert cluster in {row['uuid'] for row in sdk(of, method)}
        pages = sdk.proxy('clusters', limit=1)
        assert cluster in {row['uuid'] for row in pages}, 'follows next'
        assert sdk.proxy('find_cluster', f'{prefix}-cluster')['uuid'] == cluster

    @covers(
        'get_cluster_certificate', 'create_cluster_certificate', 'get_coe_cluster_certificate',
        'sign_coe_cluster_certificate',
    )
    def test_certificates(
        self, sdk: SDK, sdk_by_credential: SDK, cluster: str, settle: Settle
    ) -> None:
        settle(cluster, 'CREATE_COMPLETE')
        request = certificates.Request()
        signed = sdk.proxy('create_cluster_certificate', cluster_uuid=cluster, csr=request.pem)
        authority = sdk.proxy('get_cluster_certificate', cluster)
        request.check(signed['pem'], authority['pem'])

        cloud = sdk_by_credential.cloud
        signed = cloud('sign_coe_cluster_certificate', cluster, request.pem)
        request.check(signed['pem'], cloud('get_coe_cluster_certificate', cluster)['pem'])

    @covers('Cluster.upgrade', outcome=DEFECT, why=INDEXING)
    def test_upgrade(
        self, sdk: SDK, cluster: str, settle: Settle, template: dict[str, Any]
    ) -> None:
        settle(cluster, 'CREATE_COMPLETE')
        with pytest.raises(Refused, match="TypeError: 'Response' object is not subscriptable"):
            sdk('cluster', 'upgrade', cluster=cluster, cluster_template=template['id'])
        settle(cluster, 'UPDATE_COMPLETE')

    @covers('update_cluster')
    def test_update(self, sdk: SDK, cluster: str, settle: Settle) -> None:
        sdk.proxy('update_cluster', cluster=cluster, node_count=2)
        assert settle(cluster, 'UPDATE_COMPLETE')['node_count'] == 2

    @covers('Cluster.resize', outcome=DEFECT, why=INDEXING)
    def test_resize(self, sdk: SDK, cluster: str, settle: Settle) -> None:
        with pytest.raises(Refused, match="TypeError: 'Response' object is not subscriptable"):
            sdk('cluster', 'resize', cluster=cluster, node_count=1)
        assert settle(cluster, 'UPDATE_COMPLETE')['node_count'] == 1

    @covers('update_coe_cluster')
    def test_update_by_the_connection(
        self, sdk_by_credential: SDK, cluster: str, prefix: str
    ) -> None:
        with pytest.raises(Refused, match='Resizing a nodegroup to zero is not supported'):
            sdk_by_credential.cloud('update_coe_cluster', f'{prefix}-cluster', node_count=0)
        same = sdk_by_credential.cloud('update_coe_cluster', f'{prefix}-cluster', node_count=1)
        assert same['uuid'] == cluster

    @covers('delete_cluster')
    def test_delete(self, sdk: SDK, cluster: str, alice: Person) -> None:
        sdk.proxy('delete_cluster', cluster)
        assert is_going(alice, cluster)

    def test_every_method_is_tested(
        self, sdk: SDK, request: pytest.FixtureRequest
    ) -> None:
        offered = sdk.offered() - NOT_OF_MAGNUM
        assert not record.untested(request.session.items, CLIENT, offered)
