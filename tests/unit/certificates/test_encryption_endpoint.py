"""The keys that masters encrypt with, in a rotation: what is kept, and who is given them."""

import json

import pytest
import sqlalchemy as sa
import webob
from sqlalchemy.orm import Session

from magnum.certificates.service import CertificateService
from magnum.db import models
from tests.unit.certificates import conftest
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import REFUSED, Reporting, error_of


def keys(service: CertificateService, session: Session, bay: models.Bay) -> list[list[str]]:
    text = service.encryption_key(session, bay.uuid) or ''
    return [line.split() for line in text.splitlines()]


def test_both_are_given_until_the_former_one_is_retired(
    service: CertificateService, session: Session, bay: models.Bay
) -> None:
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    ((old,),) = keys(service, session, bay)
    for _ in range(2):
        service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=True)
        first, (name, new) = keys(service, session, bay)
        assert first == [old]
    assert not service.rewrites(session, bay.uuid)
    for _ in range(2):
        service.switch_authority(session, bay.uuid)
        assert keys(service, session, bay) == [[name, new], [old]]
        assert service.rewrites(session, bay.uuid)
    # A rotation that goes on makes no third one.
    service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    assert keys(service, session, bay) == [[name, new], [old]]
    service.retire_authority(session, bay.uuid)
    assert keys(service, session, bay) == [[name, new]]
    sealed = session.scalars(sa.select(models.KeyPair.sealed_private_key)).all()
    assert not any(new in str(one) for one in sealed)
    service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    assert len({one[0] for one in keys(service, session, bay)}) == 2


@pytest.mark.parametrize(('has_key', 'with_key', 'number'), [
    (True, False, 1), (False, True, 0),
])
def test_a_key_that_stays(
    service: CertificateService, session: Session, bay: models.Bay,
    has_key: bool, with_key: bool, number: int,
) -> None:
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=has_key)
    before = keys(service, session, bay)
    assert len(before) == number
    service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=with_key)
    # Not in the midst of one that was begun without: masters would not ask for it.
    service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    service.switch_authority(session, bay.uuid)
    assert not service.rewrites(session, bay.uuid)
    service.retire_authority(session, bay.uuid)
    assert keys(service, session, bay) == before


def ask(node: Reporting, document: object = None, tag: str = 'magnum/encryption') -> webob.Response:
    body = json.dumps({} if document is None else document).encode()
    return node.send('encryption', body, node.headers(body, tag))


def test_masters_alone_are_told(
    nodes: Nodes, bay: models.Bay, session: Session, service: CertificateService
) -> None:
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    conftest.build(session, service, bay)
    made = {}
    for role in ('master', 'worker'):
        made[role] = Reporting(nodes.app, bay.uuid, 'node-1', role)
        with nodes.session_maker.begin() as own:
            made[role].admit(own, 'operation')
    answer = ask(made['master'])
    assert answer.json == {'encryption_key': service.encryption_key(session, bay.uuid)}
    told = [ask(made['worker']), ask(made['master'], tag='magnum/report'),
            made['master'].send('encryption', b'{}', {})]
    assert {error_of(one) for one in told} == {REFUSED}
    assert ask(made['master'], {'more': 1}).status_int == 400
