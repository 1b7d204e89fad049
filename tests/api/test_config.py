"""Configuration of native clients: what is signed, and for whom."""

from typing import Any

import pytest
import webtest
from cryptography import x509

from magnum.db import models
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE
from tests.unit.certificates import csr

CONFIG = '/v1/clusters/one/config'


def _request(**subject: str) -> dict[str, Any]:
    return {'csr': csr.make(csr.name(**subject))}


@pytest.fixture
def built(service: Service, client: webtest.TestApp) -> webtest.TestApp:
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    service.settle()
    return client


def test_configuration(built: webtest.TestApp) -> None:
    answer = built.post_json(
        CONFIG, _request(CN='alice', O='system:masters'), headers=HEADERS, status=201
    ).json
    bay = built.get('/v1/clusters/one', headers=HEADERS).json
    assert answer.keys() == {'cluster_uuid', 'bay_uuid', 'certificate', 'ca', 'files'}
    assert answer['cluster_uuid'] == answer['bay_uuid'] == bay['uuid']
    certificate = x509.load_pem_x509_certificate(answer['certificate'].encode())
    authority = x509.load_pem_x509_certificate(answer['ca'].encode())
    certificate.verify_directly_issued_by(authority)
    assert answer['files'] == {'config': bay['api_address']}


def test_under_the_name_of_bays_and_once(built: webtest.TestApp) -> None:
    headers = {**HEADERS, 'Idempotency-Key': 'k', 'OpenStack-API-Version': 'container-infra 1.22'}
    request = _request(CN='alice')
    first = built.post_json('/v1/bays/one/config', request, headers=headers, status=201)
    again = built.post_json('/v1/bays/one/config', request, headers=headers, status=201)
    assert again.headers['Idempotency-Replayed'] == 'true'
    assert again.json == first.json


def test_refusals(built: webtest.TestApp, service: Service) -> None:
    def refused(body: Any, status: int, **headers: str) -> Any:
        answer = built.post_json(CONFIG, body, headers={**HEADERS, **headers}, status=status)
        return answer.json['errors'][0]

    assert refused({'csr': 'nonsense'}, 400)['code'] == 'magnum.certificate.invalid_csr'
    assert refused({}, 400)['source'] == {'pointer': '/csr'}
    assert refused({'csr': None}, 400)['source'] == {'pointer': '/csr'}
    assert refused({'csr': 5}, 400)['source'] == {'pointer': '/csr'}
    assert refused({'key': 'x'}, 400)['source'] == {'pointer': '/key'}
    alice = _request(CN='alice')
    assert refused(alice, 404, **{'X-Auth-Token': 'other'})['code'] == 'magnum.bay.not_found'
    assert refused(alice, 404, **{'X-Auth-Token': 'admin'})['code'] == 'magnum.bay.not_found'
    assert refused(alice, 403, **{'X-Auth-Token': 'reader'})['code'] == 'magnum.forbidden'
    old = {'OpenStack-API-Version': 'container-infra 1.21'}
    assert refused(alice, 406, **old)['code'] == 'magnum.request.version_too_low'
    with service.database.writing() as session:
        session.query(models.Bay).update({'api_address': None})
    assert refused(alice, 409)['code'] == 'magnum.bay.not_ready'


def test_without_tls_nothing_is_signed(service: Service, client: webtest.TestApp) -> None:
    client.post_json('/v1/clustertemplates', {**TEMPLATE, 'tls_disabled': True}, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    service.settle()
    for body in ({}, {'csr': None}, {'csr': 'nonsense'}):
        answer = client.post_json(CONFIG, body, headers=HEADERS, status=201).json
        assert (answer['certificate'], answer['ca']) == (None, None)
        assert answer['files']
    with service.database.reading() as session:
        assert session.query(models.IssuedCertificate).count() == 0
