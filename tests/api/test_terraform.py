"""Requests of Terraform's provider, from the first to the last of a cluster's life.

Each is as the provider sends it, at its microversion, and is answered with the codes that
its library takes (contract of gophercloud: anything else is an error there).
"""

import concurrent.futures
import json
from collections.abc import Iterable
from typing import Any, Final

import pytest
import webtest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.api.fixtures.service import Service
from tests.api.test_labels import TEMPLATE

pytestmark = [pytest.mark.installed_drivers, pytest.mark.slow]

#: How many resources it handles at a time.
PARALLELISM: Final = 10
GROUPS: Final = 12
#: What a member of a cluster or node group may be, besides absent: gophercloud stops otherwise.
TEXTS: Final = ('labels', 'labels_added', 'labels_skipped', 'labels_overridden', 'faults')


class Provider:
    """Terraform's provider, with a token."""

    def __init__(self, service: Service, client: webtest.TestApp):
        self._service, self._client = service, client

    def send(
        self, method: str, path: str, body: Any = None, codes: Iterable[int] = (200,),
        version: str = '',
    ) -> Any:
        """The document of an answer, which has one of the codes."""
        headers = {'X-Auth-Token': 'member', 'Accept': 'application/json'}
        if version:
            headers['OpenStack-API-Version'] = f'container-infra {version}'
        content: dict[str, Any] = {} if body is None else {
            'body': json.dumps(body).encode(), 'content_type': 'application/json',
        }
        answer = self._client.request(
            path, method=method, headers=headers, expect_errors=True, **content
        )
        assert answer.status_int in codes, (method, path, answer.status_int, answer.text)
        return answer.json if answer.body else None

    def waits(self, path: str, pending: str, target: str) -> dict[str, Any]:
        """Poll as it does: first a pending status, then the one that it waits for."""
        assert self.send('GET', path, version='1.10')['status'] == pending
        self._service.settle()
        found: dict[str, Any] = self.send('GET', path, version='1.10')
        assert found['status'] == target
        return found

    def is_gone(self, path: str) -> None:
        """What it deletes is gone when it answers 404."""
        self._service.settle()
        self.send('GET', path, codes=(404,), version='1.10')

    def at_once(self, requests: list[tuple[Any, ...]]) -> list[Any]:
        """The answers to several requests, so many at a time."""
        with concurrent.futures.ThreadPoolExecutor(PARALLELISM) as pool:
            return list(pool.map(lambda request: self.send(*request), requests))


@pytest.fixture
def provider(service: Service, client: webtest.TestApp) -> Provider:
    return Provider(service, client)


def request_for_admin() -> str:
    """Its request for a certificate, which it signs with SHA-512."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=4096)
    name = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, 'admin'),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'system:masters'),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, 'terraform'),
    ])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA512())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def test_a_cluster_from_apply_to_destroy(provider: Provider) -> None:
    made = provider.send('POST', '/v1/clustertemplates', {
        **TEMPLATE, 'labels': {'kube_dashboard_enabled': 'true'}, 'floating_ip_enabled': False,
        'server_type': 'vm', 'docker_storage_driver': 'overlay2',
    }, (201,))
    template = f'/v1/clustertemplates/{made["uuid"]}'
    made = provider.send('POST', '/v1/clusters', {
        'name': 'c', 'cluster_template_id': made['uuid'], 'create_timeout': None,
        'floating_ip_enabled': False, 'master_count': 1, 'node_count': 1, 'merge_labels': True,
        'labels': {'cost_centre': '4711'},
    }, (200, 201, 202))
    cluster = f'/v1/clusters/{made["uuid"]}'
    shown = provider.waits(cluster, 'CREATE_IN_PROGRESS', 'CREATE_COMPLETE')
    # It makes its state of these.
    assert {*shown['labels_added'], *shown['labels_skipped'], *shown['labels_overridden']} == {
        'cost_centre'
    }
    for name in TEXTS:
        assert all(isinstance(value, str) for value in shown.get(name, {}).values())
    authority = provider.send('GET', f'/v1/certificates/{made["uuid"]}')
    signed = provider.send(
        'POST', '/v1/certificates',
        {'cluster_uuid': made['uuid'], 'csr': request_for_admin()}, (201,),
    )
    certificate = x509.load_pem_x509_certificate(signed['pem'].encode())
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificates(authority['pem'].encode())[0]
    )

    # The number of workers, as text; then what its state is refreshed of.
    provider.send('PATCH', cluster, [
        {'op': 'replace', 'path': '/node_count', 'value': '3'},
    ], (200, 202))
    shown = provider.waits(cluster, 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE')
    assert shown['node_count'] == 3

    # Another template in place.
    other = provider.send('POST', '/v1/clustertemplates', {
        **TEMPLATE, 'name': 'other', 'labels': {'kube_dashboard_enabled': 'true'},
        'floating_ip_enabled': False,
    }, (201,))
    provider.send(
        'POST', f'{cluster}/actions/upgrade', {'cluster_template': other['uuid']}, (200, 202),
        '1.8',
    )
    provider.waits(cluster, 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE')

    groups = apply_nodegroups(provider, cluster)
    change_nodegroups(provider, cluster, groups)
    provider.at_once([('DELETE', each, None, (202, 204), '1.9') for each in groups])
    for each in groups:
        provider.is_gone(each)

    provider.send('DELETE', cluster, codes=(202, 204))
    provider.is_gone(cluster)
    for path in (template, f'/v1/clustertemplates/{other["uuid"]}'):
        provider.send('DELETE', path, codes=(202, 204))
        provider.send('GET', path, codes=(404,))


def apply_nodegroups(provider: Provider, cluster: str) -> list[str]:
    """Node groups, ten at a time; every other one without a node."""
    made = provider.at_once([
        ('POST', f'{cluster}/nodegroups', {
            'name': f'group-{number}', 'role': 'worker', 'node_count': number % 2,
            'min_node_count': 0, 'max_node_count': 5, 'labels': {'cost_centre': '4712'},
            'merge_labels': True,
        }, (202,), '1.9' if number % 2 else '1.10')
        for number in range(GROUPS)
    ])
    groups = [f'{cluster}/nodegroups/{each["uuid"]}' for each in made]
    for group in groups:
        assert provider.send('GET', group, version='1.9')['status'] == 'CREATE_IN_PROGRESS'
    provider.waits(cluster, 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE')
    for number, group in enumerate(groups):
        shown = provider.send('GET', group, version='1.9')
        assert shown['node_count'] == number % 2
        assert shown['labels_overridden'] == {'cost_centre': '4711'}
    return groups


def change_nodegroups(provider: Provider, cluster: str, groups: list[str]) -> None:
    """Their bounds first, as numbers or as text, then their counts."""
    provider.at_once([
        ('PATCH', group, [
            {'op': 'replace', 'path': '/min_node_count', 'value': 1 if index % 2 else '0'},
            {'op': 'replace', 'path': '/max_node_count', 'value': 6 if index % 2 else '6'},
        ], (202,), '1.9')
        for index, group in enumerate(groups)
    ])
    provider.at_once([
        ('POST', f'{cluster}/actions/resize', {
            'node_count': 2, 'nodegroup': group.rpartition('/')[2],
        }, (200, 202), '1.9')
        for group in groups
    ])
    provider.waits(cluster, 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE')
    for group in groups:
        shown = provider.send('GET', group, version='1.9')
        assert (shown['node_count'], shown['max_node_count']) == (2, 6)
