"""The keys that masters encrypt with, in a rotation: what is kept, and who is given them."""

import itertools
import json

import pytest
import sqlalchemy as sa
import webob
from sqlalchemy.orm import Session

from magnum.certificates.service import CertificateService
from magnum.db import models
from tests.unit.certificates import conftest
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import NODE, REFUSED, Reporting, error_of


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


def test_all_are_read_in_one_moment(
    service: CertificateService, session: Session, bay: models.Bay
) -> None:
    """Between two statements a rotation may move them, and one of them would be missed."""
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    service.introduce_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    session.flush()
    asked: list[str] = []
    sa.event.listen(
        session.get_bind(), 'before_cursor_execute', lambda *told: asked.append(told[2])
    )
    service.encryption_key(session, bay.uuid)
    assert len(asked) == 1, asked


def test_a_master_that_registers_in_any_phase_reads_what_others_write_and_they_its(
    nodes: Nodes, bay: models.Bay, session: Session, service: CertificateService
) -> None:
    """Over two rotations; those that live have the keys of this phase, or of the one before."""
    service.ensure_authority(session, bay.uuid, bay.name, with_encryption_key=True)
    told: list[list[list[str]]] = []
    for step in ('', *('introduce', 'switch', 'retire') * 2):
        if step:
            more = (bay.name, True) if step == 'introduce' else ()
            getattr(service, f'{step}_authority')(session, bay.uuid, *more)
        session.commit()
        session.execute(sa.delete(models.Node))
        session.execute(sa.delete(models.Operation))
        tokens = conftest.build(session, service, bay, uuid=f'operation-{len(told)}')
        answer = Reporting(nodes.app, bay.uuid, NODE, 'master').register(tokens['master'])
        assert answer.json['authorities'] == service.trusted(session, bay.uuid)
        told.append([line.split() for line in answer.json['encryption_key'].splitlines()])
    assert [len(lines) for lines in told] == [1, 2, 2, 1, 2, 2, 1]
    for before, new in itertools.pairwise(told):
        assert new[0] in before
        assert before[0] in new
