import base64

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.certificates import errors, sealing
from magnum.certificates.bootstrap import ROLES, BootstrapTokens
from magnum.certificates.sealing import Sealer
from magnum.db import models

OLD, NEW = (base64.b64decode(sealing.generate_key()) for _ in range(2))
BAY, OTHER_BAY = 'bay-1', 'bay-2'


@pytest.fixture
def tokens() -> BootstrapTokens:
    return BootstrapTokens(Sealer([OLD]))


def test_each_role_has_a_token_of_its_own(tokens: BootstrapTokens, session: Session) -> None:
    armed = tokens.arm(session, BAY, 'operation')
    assert armed.keys() == set(ROLES)
    assert len(set(armed.values())) == len(ROLES)
    for role, token in armed.items():
        assert tokens.verify(session, BAY, token) == role


def test_the_same_operation_gets_the_same_tokens(tokens: BootstrapTokens, session: Session) -> None:
    first = tokens.arm(session, BAY, 'operation')
    assert tokens.arm(session, BAY, 'operation') == first
    assert session.scalar(sa.select(sa.func.count(models.BootstrapToken.id))) == len(ROLES)


def test_another_operation_gets_others(tokens: BootstrapTokens, session: Session) -> None:
    first = tokens.arm(session, BAY, 'operation 1')
    second = tokens.arm(session, BAY, 'operation 2')
    assert not set(first.values()) & set(second.values())


def test_a_new_operators_key_changes_no_token(session: Session) -> None:
    before = BootstrapTokens(Sealer([OLD])).arm(session, BAY, 'operation')
    rotated = BootstrapTokens(Sealer([NEW, OLD]))
    assert rotated.arm(session, BAY, 'operation') == before
    assert rotated.verify(session, BAY, before['worker']) == 'worker'


def test_a_removed_operators_key_still_verifies_but_arms_no_more(session: Session) -> None:
    before = BootstrapTokens(Sealer([OLD])).arm(session, BAY, 'operation')
    replaced = BootstrapTokens(Sealer([NEW]))
    assert replaced.verify(session, BAY, before['worker']) == 'worker'
    with pytest.raises(errors.EncryptionKeyUnknown):
        replaced.arm(session, BAY, 'operation')


def test_tokens_of_other_bays_open_nothing(tokens: BootstrapTokens, session: Session) -> None:
    tokens.arm(session, BAY, 'operation')
    foreign = tokens.arm(session, OTHER_BAY, 'other operation')
    assert tokens.verify(session, BAY, foreign['master']) is None


def test_late_tokens_open_nothing_until_armed_again(
    tokens: BootstrapTokens, session: Session
) -> None:
    armed = tokens.arm(session, BAY, 'operation')
    running = tokens.arm(session, BAY, 'another operation')
    tokens.disarm(session, 'operation')
    assert tokens.verify(session, BAY, armed['master']) is None
    assert tokens.verify(session, BAY, running['master']) == 'master'
    assert tokens.arm(session, BAY, 'operation') == armed
    assert tokens.verify(session, BAY, armed['master']) == 'master'


@pytest.mark.parametrize('token', ['', 'wrong', 'ü', '\udcff', '\x00', 'x' * 100_000])
def test_anything_else_opens_nothing(tokens: BootstrapTokens, session: Session, token: str) -> None:
    tokens.arm(session, BAY, 'operation')
    assert tokens.verify(session, BAY, token) is None
    assert tokens.verify(session, 'no bay', token) is None


def test_the_stored_hash_and_salt_open_nothing(tokens: BootstrapTokens, session: Session) -> None:
    armed = tokens.arm(session, BAY, 'operation')
    for row in session.scalars(sa.select(models.BootstrapToken)):
        kept = (row.salt, row.token_hash)
        assert not set(armed.values()) & set(kept)
        assert [tokens.verify(session, BAY, text) for text in kept] == [None, None]


def test_forgetting_a_bay_leaves_others(tokens: BootstrapTokens, session: Session) -> None:
    gone = tokens.arm(session, BAY, 'operation')
    kept = tokens.arm(session, OTHER_BAY, 'other operation')
    tokens.forget(session, BAY)
    assert tokens.verify(session, BAY, gone['master']) is None
    assert tokens.verify(session, OTHER_BAY, kept['master']) == 'master'


def test_disarming_nothing_is_fine(tokens: BootstrapTokens, session: Session) -> None:
    tokens.disarm(session, 'operation')
