"""``openstack coe`` of python-magnumclient 5.0.0, whose user has an application credential too."""

import base64
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.functional.clients import certificates, record
from tests.functional.clients.bay_commands import is_going
from tests.functional.clients.conftest import Beginning
from tests.functional.clients.project_commands import LIMIT
from tests.functional.clients.record import covers
from tests.functional.clients.shell import OpenStack
from tests.functional.people import Person
from tools.devcloud import settings

CLIENT = 'magnumclient-5.0.0'

Settle = Callable[..., dict[str, Any]]


@pytest.fixture(scope='module')
def coe(client: str, alice: Person) -> OpenStack:
    return OpenStack(client, alice)


@pytest.fixture(scope='module')
def coe_by_credential(client: str, people: dict[str, Person]) -> OpenStack:
    """The same user, who has an application credential only."""
    return OpenStack(client, people[settings.APPLICATION_CREDENTIAL])


@pytest.fixture(scope='module')
def coe_admin(client: str, people: dict[str, Person]) -> OpenStack:
    return OpenStack(client, people['admin'])


def begin(at: Beginning) -> dict[str, Any]:
    """The bays, while other commands are tried."""
    coe = OpenStack(at.client, at.people['alice'])
    coe(
        'cluster template create', f'{at.prefix}-kubernetes', '--image', 'debian-12',
        '--external-network', 'public', '--coe', 'kubernetes', '--keypair', 'alice-key',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
    )
    said = coe(
        'cluster create', f'{at.prefix}-cluster', '--cluster-template', f'{at.prefix}-kubernetes'
    ).text
    assert 'Request to create cluster' in said
    coe = OpenStack(at.client, at.people[settings.APPLICATION_CREDENTIAL])
    coe(
        'cluster template create', f'{at.prefix}-swarm', '--image', 'ubuntu-24.04',
        '--external-network', 'public', '--coe', 'swarm',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
    )
    coe(
        'cluster create', f'{at.prefix}-by-credential', '--cluster-template',
        f'{at.prefix}-swarm', '--node-count', '0',
    )
    return {
        'cluster': f'{at.prefix}-cluster', 'swarm': f'{at.prefix}-by-credential'
    }


@pytest.fixture(scope='module')
def cluster(begin: dict[str, Any]) -> str:
    """A cluster of Kubernetes, by its name."""
    return str(begin['cluster'])


@pytest.fixture(scope='module')
def swarm(begin: dict[str, Any]) -> str:
    """A cluster of Swarm, made with an application credential."""
    return str(begin['swarm'])


class TestTemplates:
    @pytest.fixture(scope='class')
    @classmethod
    def spare(cls, coe: OpenStack, prefix: str) -> Any:
        return coe.show(
            'cluster template create', f'{prefix}-spare', '--image', 'debian-12',
            '--external-network', 'public', '--coe', 'kubernetes', '--keypair', 'alice-key',
            '--flavor', 'm1.small', '--master-flavor', 'm1.medium', '--network-driver', 'flannel',
            '--docker-volume-size', '3', '--no-proxy', '10.0.0.1',
            '--labels', 'flannel_backend=vxlan,kube_tag=v1.32.0', '--master-lb-enabled',
            '--floating-ip-disabled', '--tags', 'one,two',
        )

    @covers('cluster template create')
    def test_create(self, spare: Any, prefix: str) -> None:
        assert spare['name'] == f'{prefix}-spare'
        assert spare['labels'] == {'flannel_backend': 'vxlan', 'kube_tag': 'v1.32.0'}
        assert spare['floating_ip_enabled'] is False
        assert sorted(spare['tags'].split(',')) == ['one', 'two']

    @covers('cluster template list')
    def test_list(self, coe: OpenStack, spare: Any) -> None:
        listed = {row['uuid']: row for row in coe.show('cluster template list')}
        assert listed[spare['uuid']]['name'] == spare['name']
        assert len(coe.show('cluster template list', '--limit', '1')) == 1

    @covers('cluster template show')
    def test_show(self, coe: OpenStack, spare: Any) -> None:
        assert coe.show('cluster template show', spare['name']) == spare

    @covers('cluster template update')
    def test_update(self, coe: OpenStack, spare: Any) -> None:
        changed = coe.show(
            'cluster template update', spare['uuid'], '--name', spare['name'] + '2',
            '--dns-nameserver', '9.9.9.9', '--docker-volume-size', '5',
            '--label', 'kube_tag=v1.33.0', '--no-label', 'flannel_backend', '--tag', 'three',
            '--floating-ip-enabled', '--master-lb-disabled',
        )
        assert changed['name'] == spare['name'] + '2'
        assert changed['docker_volume_size'] == 5
        assert changed['labels'] == {'kube_tag': 'v1.33.0'}
        assert changed['tags'] == 'three'
        assert (changed['floating_ip_enabled'], changed['master_lb_enabled']) == (True, False)

    @covers('cluster template delete')
    def test_delete(self, coe: OpenStack, spare: Any) -> None:
        coe('cluster template delete', spare['uuid'])
        said = coe.refused('cluster template show', spare['uuid'])
        assert f"{spare['uuid']} could not be found (HTTP 404)" in said

    def test_a_refusal_says_why(self, coe: OpenStack) -> None:
        said = coe.refused(
            'cluster template create', 'wrong', '--image', 'debian-12', '--coe', 'kubernetes',
            '--external-network', 'public', '--labels', 'kube_tags=v1.33.0',
        )
        assert 'labels/kube_tags' in said
        assert 'Is it kube_tag?' in said


class TestProjects:
    @covers('quotas create', 'quotas list', 'quotas show', 'quotas update', 'quotas delete')
    def test_quotas(self, coe_admin: OpenStack, people: dict[str, Person]) -> None:
        another = str(people['carol'].keystone.get_project_id())
        of_it = ('--project-id', another, '--resource', 'Cluster')
        coe_admin('quotas create', *of_it, '--hard-limit', LIMIT)
        listed = {
            row['project_id']: row for row in coe_admin('quotas list', '--all-tenants').rows
        }
        assert listed[another]['hard_limit'] == LIMIT
        coe_admin('quotas update', *of_it, '--hard-limit', str(int(LIMIT) + 1))
        shown = coe_admin('quotas show', *of_it)
        assert str(int(LIMIT) + 1) in shown.text
        coe_admin('quotas delete', *of_it)
        assert '1000' in coe_admin('quotas show', *of_it).text

    @covers('stats list')
    def test_stats(self, coe: OpenStack, project_id: str) -> None:
        assert 'clusters' in coe('stats list', project_id).text

    @covers('service list')
    def test_services(self, coe: OpenStack, coe_admin: OpenStack) -> None:
        services = {row['host']: row for row in coe_admin.show('service list')}
        assert services['east']['state'] == services['west']['state'] == 'up'
        assert "Policy doesn't allow magnum-service:get_all" in coe.refused(
            'service list'
        )


class TestClusters:
    @covers('cluster create', 'cluster list')
    def test_list(self, coe: OpenStack, cluster: str, swarm: str) -> None:
        listed = {row['name']: row for row in coe.show('cluster list')}
        assert listed[cluster]['node_count'] == listed[cluster]['master_count'] == 1
        assert listed[cluster]['keypair'] == 'alice-key'
        assert listed[swarm]['node_count'] == 0

    @covers('cluster show')
    def test_show(self, coe: OpenStack, cluster: str, settle: Settle) -> None:
        built = settle(cluster, 'CREATE_COMPLETE')
        shown = coe.show('cluster show', cluster)
        for member in (
            'uuid', 'name', 'status', 'api_address', 'node_addresses', 'master_addresses',
            'labels', 'health_status', 'project_id', 'cluster_template_id', 'create_timeout',
        ):
            assert shown[member] == built[member], member
        assert shown['cluster_id'] == built['cluster_id']
        assert 'nobody could not be found (HTTP 404)' in coe.refused('cluster show', 'nobody')

    @covers('ca show', 'ca sign')
    def test_certificates(
        self, coe: OpenStack, cluster: str, settle: Settle, tmp_path: pathlib.Path
    ) -> None:
        settle(cluster, 'CREATE_COMPLETE')
        request = certificates.Request()
        signed = coe('ca sign', cluster, request.write(tmp_path)).pem
        request.check(signed, coe('ca show', cluster).pem)

    @covers('cluster config')
    def test_config(
        self, coe: OpenStack, cluster: str, settle: Settle, tmp_path: pathlib.Path
    ) -> None:
        built = settle(cluster, 'CREATE_COMPLETE')
        exports = coe('cluster config', cluster, '--dir', str(tmp_path)).exports
        assert exports['KUBECONFIG'] == f'{tmp_path}/config'
        config = yaml.safe_load((tmp_path / 'config').read_text())
        server = config['clusters'][0]['cluster']
        assert server['server'] == built['api_address']
        user = {k: base64.b64decode(v).decode() for k, v in config['users'][0]['user'].items()}
        certificate = certificates.load(user['client-certificate-data'])
        certificates.check(
            certificate, user['client-key-data'],
            base64.b64decode(server['certificate-authority-data']).decode(),
        )
        assert certificates.names(certificate) == {'CN': 'admin', 'O': 'system:masters'}

    def test_config_of_swarm_by_application_credential(
        self, coe_by_credential: OpenStack, swarm: str, settle: Settle, tmp_path: pathlib.Path
    ) -> None:
        built = settle(swarm, 'CREATE_COMPLETE')
        exports = coe_by_credential(
            'cluster config', swarm, '--dir', str(tmp_path), '--output-certs'
        ).exports
        assert exports['DOCKER_HOST'] == built['api_address']
        assert exports['DOCKER_CERT_PATH'] == str(tmp_path)
        certificates.check_files(tmp_path)

    @covers('credential rotate')
    def test_rotation_of_the_credential(
        self, coe_by_credential: OpenStack, swarm: str, settle: Settle
    ) -> None:
        settle(swarm, 'CREATE_COMPLETE')
        said = coe_by_credential('credential rotate', swarm).text
        assert 'Request to rotate' in said or said == ''
        settle(swarm, 'UPDATE_COMPLETE')

    @covers('ca rotate')
    def test_rotation_of_the_ca(self, coe: OpenStack, swarm: str, settle: Settle) -> None:
        settle(swarm, 'UPDATE_COMPLETE')
        before = coe('ca show', swarm).pem
        coe('ca rotate', swarm)
        settle(swarm, 'UPDATE_COMPLETE')
        assert coe('ca show', swarm).pem != before


class TestNodegroups:
    @pytest.fixture(scope='class')
    @classmethod
    def spare(cls, coe: OpenStack, cluster: str, settle: Settle) -> str:
        settle(cluster, 'CREATE_COMPLETE')
        coe(
            'nodegroup create', cluster, 'spare', '--node-count', '0', '--max-nodes', '3',
            '--flavor', 'm1.medium', '--role', 'spare', '--node-labels', 'kind=spare',
            '--node-taints', 'only=spare:NoSchedule',
        )
        settle(cluster, 'UPDATE_COMPLETE')
        return 'spare'

    @covers('nodegroup create', 'nodegroup show')
    def test_show(self, coe: OpenStack, cluster: str, spare: str) -> None:
        shown = coe.show('nodegroup show', cluster, spare)
        assert (shown['min_node_count'], shown['max_node_count']) == (0, 3)
        assert shown['role'] == 'spare'
        assert shown['node_labels'] == {'kind': 'spare'}
        assert shown['node_taints'] == [
            {'key': 'only', 'value': 'spare', 'effect': 'NoSchedule'}
        ]

    @covers('nodegroup list')
    def test_list(self, coe: OpenStack, cluster: str, spare: str) -> None:
        names = [row['name'] for row in coe.show('nodegroup list', cluster)]
        assert sorted(names) == ['default-master', 'default-worker', 'spare']
        (row,) = coe.show('nodegroup list', cluster, '--role', 'spare')
        assert row['flavor_id'] == 'm1.medium'

    @covers('nodegroup update')
    def test_update(self, coe: OpenStack, cluster: str, spare: str) -> None:
        coe(
            'nodegroup update', cluster, spare, '--max-nodes', '4',
            '--node-labels', 'kind=other', '--node-taints', 'only:NoExecute',
        )
        shown = coe.show('nodegroup show', cluster, spare)
        assert shown['max_node_count'] == 4
        assert shown['node_labels'] == {'kind': 'other'}
        assert shown['node_taints'][0]['effect'] == 'NoExecute'

    @covers('cluster resize')
    def test_resize(self, coe: OpenStack, cluster: str, spare: str, settle: Settle) -> None:
        coe('cluster resize', cluster, '1', '--nodegroup', spare)
        settle(cluster, 'UPDATE_COMPLETE')
        shown = coe.show('nodegroup show', cluster, spare)
        assert shown['node_count'] == len(shown['node_addresses']) == 1
        said = coe.refused('cluster resize', cluster, '9', '--nodegroup', spare)
        assert 'Resizing spare outside the allowed range' in said

    @covers('nodegroup delete')
    def test_delete(self, coe: OpenStack, cluster: str, spare: str, settle: Settle) -> None:
        coe('nodegroup delete', cluster, spare)
        settle(cluster, 'UPDATE_COMPLETE')
        assert len(coe.show('nodegroup list', cluster)) == 2
        said = coe.refused('nodegroup delete', cluster, 'default-worker')
        assert 'Deleting a default nodegroup is not supported' in said


class TestChanges:
    @covers('cluster upgrade')
    def test_upgrade(
        self, coe: OpenStack, cluster: str, settle: Settle, prefix: str,
        alice: Person,
    ) -> None:
        """Workers become servers of the new flavor."""
        coe(
            'cluster template create', f'{prefix}-newer', '--image', 'debian-12',
            '--external-network', 'public', '--coe', 'kubernetes', '--keypair', 'alice-key',
            '--flavor', 'm1.medium', '--master-flavor', 'm1.small',
        )
        before = self._servers(alice, cluster)
        said = coe('cluster upgrade', cluster, f'{prefix}-newer').text
        assert 'Request to upgrade cluster' in said
        upgraded = settle(cluster, 'UPDATE_COMPLETE')
        newer = alice.get(f'/clustertemplates/{prefix}-newer')['uuid']
        assert upgraded['cluster_template_id'] == newer
        after = self._servers(alice, cluster)
        assert len(after) == len(before)
        assert len(after - before) == 1, 'the worker is another server'

    @staticmethod
    def _servers(alice: Person, cluster: str) -> set[str]:
        servers = alice.service('compute').get('/servers', params={'name': cluster})
        return {server['id'] for server in servers.json()['servers']}

    @covers('cluster update')
    def test_update(self, coe: OpenStack, cluster: str, settle: Settle) -> None:
        said = coe.refused('cluster update', cluster, '--name', 'another')
        assert 'cannot change cluster property(ies) name' in said
        coe('cluster update', cluster, '--node-count', '0', '--rollback')
        assert settle(cluster, 'UPDATE_COMPLETE')['node_addresses'] == []

    @covers('cluster delete')
    def test_delete(
        self, coe: OpenStack, coe_by_credential: OpenStack, cluster: str, swarm: str,
        alice: Person,
    ) -> None:
        uuids = [alice.get(f'/clusters/{name}')['uuid'] for name in (cluster, swarm)]
        coe('cluster delete', cluster)
        coe_by_credential('cluster delete', swarm)
        assert all(is_going(alice, uuid) for uuid in uuids)


def test_every_command_is_tested(coe: OpenStack, request: pytest.FixtureRequest) -> None:
    offered = coe.commands()
    assert 'cluster create' in offered
    assert not record.untested(request.session.items, CLIENT, offered)
