"""Registration, as nodes ask for it."""

from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import orm

from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain import states
from magnum.domain.parameters import Resize
from tests.unit.certificates.nodes import BUILT, Nodes
from tests.unit.certificates.reporting import (
    NODE,
    REFUSED,
    Reporting,
    error_of,
    operation,
    pem,
    row,
    source_of,
)


def test_a_registration_gives_what_the_node_needs(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session,
    service: CertificateService,
) -> None:
    made = Reporting(nodes.app, bay.uuid, NODE, 'master')
    answer = made.register(tokens['master'], 'kubelet', 'apiserver')
    assert answer.status_int == 200, answer.text
    assert answer.json['authorities'] == service.trusted(session, bay.uuid)
    assert answer.json['next'] == 5
    assert answer.json['certificates'].keys() == {'kubelet', 'apiserver'}
    for text in answer.json['certificates'].values():
        certificate = x509.load_pem_x509_certificate(text.encode())
        assert certificate.public_key() == made.key.public_key()
    assert row(session).public_keys.keys() == {'agent', 'kubelet', 'apiserver'}
    assert nodes.servers.asked == [NODE]


@pytest.mark.parametrize('is_new', [True, False])
def test_masters_alone_are_told_what_they_encrypt_with(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session,
    service: CertificateService, is_new: bool, caplog: pytest.LogCaptureFixture,
) -> None:
    """Those of a bay that was made without are told so: one that hears nothing would not know."""
    if is_new:
        service.discard_authority(session, bay.uuid)
        service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
        session.commit()
    key = service.encryption_key(session, bay.uuid)
    assert (key is not None) is is_new
    with caplog.at_level('DEBUG'):
        master = Reporting(nodes.app, bay.uuid, NODE, 'master').register(tokens['master'])
        worker = Reporting(nodes.app, bay.uuid, 'node-1').register(tokens['worker'])
    assert master.json['encryption_key'] == key
    assert 'encryption_key' not in worker.json
    assert key is None or key not in caplog.text


def test_bays_of_kinds_that_encrypt_nothing_have_no_key(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes.driver, 'wants_encryption_key', False, raising=False)
    answer = Reporting(nodes.app, bay.uuid, NODE, 'master').register(tokens['master'])
    assert 'encryption_key' not in answer.json


def test_a_registration_can_be_repeated(
    node: Reporting, nodes: Nodes, tokens: dict[str, str]
) -> None:
    assert node.report().status_int == 200
    assert node.register(tokens['worker'], 'kubelet').status_int == 200
    assert node.report().status_int == 200
    assert nodes.servers.asked == [NODE]


@pytest.mark.parametrize('other', ['signing key', 'certificate'])
def test_another_key_fails_the_operation(
    node: Reporting, nodes: Nodes, session: orm.Session, tokens: dict[str, str], other: str
) -> None:
    assert node.register(tokens['worker'], 'kubelet').status_int == 200
    second = Reporting(nodes.app, node.bay_uuid, NODE)
    members = {} if other == 'signing key' else {'public_key': pem(node.key)}
    answer = second.register(tokens['worker'], 'kubelet', **members)
    assert error_of(answer) == (409, 'magnum.bootstrap.identity_conflict')
    assert (operation(session).found_failure or {})['code'] == 'node_identity_conflict'
    assert nodes.wake_up.sent == 1
    # Either may be the stranger: neither is heard any more.
    assert error_of(node.report()) == error_of(second.report()) == REFUSED


@pytest.mark.parametrize('count', [1, BUILT + 1])
def test_a_count_that_waits_for_the_creation_is_none_of_it(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session, count: int
) -> None:
    """The row of the node group has it already."""
    group = session.scalars(sa.select(models.Nodegroup).filter_by(role='worker')).one()
    group.node_count = count
    session.add(models.Operation(
        bay_uuid=bay.uuid, bay_name=bay.name, verb=states.RESIZE, phase=states.START,
        state=states.PENDING, roles=[], deadline=bay.created_at, parameters=Resize(
            nodegroup=group.uuid, node_count=count, previous_node_count=BUILT,
            rollback=False, nodes_to_remove=(),
        ).stored(),
    ))
    session.commit()
    last = Reporting(nodes.app, bay.uuid, f'node-{BUILT - 1}')
    assert last.register(tokens['worker'], 'kubelet').status_int == 200
    beyond = Reporting(nodes.app, bay.uuid, f'node-{BUILT}')
    assert error_of(beyond.register(tokens['worker'])) == (403, 'magnum.bootstrap.node_refused')


def test_who_may_not_register(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session
) -> None:
    for token in (None, '', 'wrong'):
        assert error_of(Reporting(nodes.app, bay.uuid, NODE).register(token)) == REFUSED
    beyond = Reporting(nodes.app, bay.uuid, 'node-4')
    assert error_of(beyond.register(tokens['worker'])) == (403, 'magnum.bootstrap.node_refused')
    worker = Reporting(nodes.app, bay.uuid, NODE)
    assert error_of(worker.register(tokens['worker'], 'apiserver')) == (
        403, 'magnum.bootstrap.purpose_refused'
    )
    assert error_of(worker.register(tokens['worker'], 'agent')) == (
        400, 'magnum.bootstrap.unknown_purpose'
    )
    assert session.scalars(sa.select(models.Node)).all() == []


def _rsa() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.mark.parametrize(
    ('members', 'pointer'),
    [
        ({'public_key': 'nonsense'}, '/public_key'),
        ({'public_key': None}, '/public_key'),
        ({'public_key': _rsa()}, '/public_key'),
        ({'public_key': pem(ec.generate_private_key(ec.SECP384R1()))}, '/public_key'),
        ({'requests': []}, '/requests'),
        ({'requests': {f'p{number}': '' for number in range(21)}}, '/requests'),
        ({'more': 1}, '/more'),
    ],
)
def test_a_registration_of_another_form(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], members: dict[str, Any], pointer: str
) -> None:
    made = Reporting(nodes.app, bay.uuid, NODE)
    assert source_of(made.register(tokens['worker'], **members)) == pointer


def test_a_registration_with_a_bad_request_names_it(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    for bad in ('nonsense', None, 7):
        answer = Reporting(nodes.app, bay.uuid, NODE).register(
            tokens['worker'], requests={'kubelet': bad}
        )
        assert error_of(answer) == (400, 'magnum.certificate.invalid_csr')
        assert answer.json['errors'][0]['source'] == {'pointer': '/requests/kubelet'}
    for text in (b'', b'[]', b'{"', b'\xff', b'7'):
        answer = Reporting(nodes.app, bay.uuid, NODE).send(
            'register', text, {'X-Bootstrap-Token': tokens['worker']}
        )
        assert error_of(answer) == (400, 'magnum.request.invalid')
    answer = Reporting(nodes.app, bay.uuid, NODE).send(
        'register', b'x' * 65537, {'X-Bootstrap-Token': tokens['worker']}
    )
    assert answer.status_int == 413
