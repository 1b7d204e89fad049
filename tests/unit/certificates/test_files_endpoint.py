"""The files of nodes, as nodes that boot fetch them."""

import base64

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import REFUSED, error_of

DIGEST = '0123456789abcdef' * 4


@pytest.fixture(autouse=True)
def archive(session: orm.Session) -> None:
    session.add(models.NodeArchive(digest=DIGEST, content=b'\0files\xff'))
    session.commit()


@pytest.mark.parametrize('role', ['master', 'worker'])
def test_a_node_gets_the_files_of_a_digest(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], role: str
) -> None:
    answer = nodes.send(f'/{bay.uuid}/files/{DIGEST}', tokens[role])
    assert answer.status_int == 200
    assert base64.b64decode(answer.json['archive']) == b'\0files\xff'
    assert answer.headers['Cache-Control'] == 'no-store'


def test_who_has_no_token_gets_none(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    for token in (None, 'x' * len(tokens['worker'])):
        assert error_of(nodes.send(f'/{bay.uuid}/files/{DIGEST}', token)) == REFUSED


@pytest.mark.parametrize('digest', ['0' * 64, DIGEST.upper(), 'x', '%00', '%C3%A9'])
def test_other_digests_are_unknown(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], digest: str
) -> None:
    answer = nodes.send(f'/{bay.uuid}/files/{digest}', tokens['worker'])
    assert error_of(answer) == (404, 'magnum.bootstrap.unknown_files')


def test_the_bays_user_is_told_once_in_an_operation(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    for role in ('master', 'worker', 'worker'):
        nodes.send(f'/{bay.uuid}/files/{"0" * 64}', tokens[role])
    (event,) = session.scalars(sa.select(models.Event))
    assert (event.bay_uuid, event.kind) == (bay.uuid, 'bay.node.files_missing')
    assert event.operation_uuid
    assert event.message.startswith('a master waits for its scripts')


def test_no_other_text_comes_to_the_database(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    """PostgreSQL refuses null characters, and MariaDB compares without case."""
    session.add(models.NodeArchive(digest='X' * 64, content=b'x'))
    session.commit()
    answer = nodes.send(f'/{bay.uuid}/files/{"X" * 64}', tokens['worker'])
    assert error_of(answer) == (404, 'magnum.bootstrap.unknown_files')
