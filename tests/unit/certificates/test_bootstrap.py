import base64
import hashlib

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from magnum.certificates import errors, sealing
from magnum.certificates.bootstrap import ROLES, BootstrapTokens, ShownToken
from magnum.certificates.sealing import Sealer
from magnum.db import models
from magnum.db.repositories import tokens as repository

OLD, NEW = (base64.b64decode(sealing.generate_key()) for _ in range(2))
BAY, OTHER_BAY = 'bay-1', 'bay-2'


@pytest.fixture
def tokens() -> BootstrapTokens:
    return BootstrapTokens(Sealer([OLD]))


def test_each_role_has_a_token_of_its_own(tokens: BootstrapTokens, session: Session) -> None:
    armed = tokens.arm(session, BAY, 'operation', ROLES)
    assert armed.keys() == set(ROLES)
    assert len(set(armed.values())) == len(ROLES)
    for role, token in armed.items():
        assert tokens.verify(session, BAY, token) == ShownToken(role, 'operation')


def test_the_same_operation_gets_the_same_tokens(tokens: BootstrapTokens, session: Session) -> None:
    first = tokens.arm(session, BAY, 'operation', ROLES)
    assert tokens.arm(session, BAY, 'operation', ROLES) == first
    assert session.scalar(sa.select(sa.func.count(models.BootstrapToken.id))) == len(ROLES)


def test_another_operation_gets_others(tokens: BootstrapTokens, session: Session) -> None:
    first = tokens.arm(session, BAY, 'operation 1', ROLES)
    second = tokens.arm(session, BAY, 'operation 2', ROLES)
    assert not set(first.values()) & set(second.values())


def test_a_new_operators_key_changes_no_token(session: Session) -> None:
    before = BootstrapTokens(Sealer([OLD])).arm(session, BAY, 'operation', ROLES)
    rotated = BootstrapTokens(Sealer([NEW, OLD]))
    assert rotated.arm(session, BAY, 'operation', ROLES) == before
    assert rotated.verify(session, BAY, before['worker']) == ShownToken('worker', 'operation')


def test_a_removed_operators_key_verifies_and_arms_no_more(session: Session) -> None:
    before = BootstrapTokens(Sealer([OLD])).arm(session, BAY, 'operation', ROLES)
    replaced = BootstrapTokens(Sealer([NEW]))
    assert replaced.verify(session, BAY, before['worker']) is None
    with pytest.raises(errors.EncryptionKeyUnknown):
        replaced.arm(session, BAY, 'operation', ROLES)


def test_only_the_roles_that_are_built_have_a_token(
    tokens: BootstrapTokens, session: Session
) -> None:
    both = tokens.arm(session, BAY, 'operation', ROLES)
    workers = tokens.arm(session, BAY, 'operation', ['worker'])
    assert workers == {'worker': both['worker']} == tokens.armed(session, 'operation')
    assert tokens.verify(session, BAY, both['master']) is None
    assert tokens.arm(session, BAY, 'another', []) == {}
    assert tokens.arm(session, BAY, 'operation', ROLES) == both


def test_what_is_kept_of_a_token_cannot_be_computed_without_the_key(
    tokens: BootstrapTokens, session: Session
) -> None:
    (token,) = tokens.arm(session, BAY, 'operation', ['worker']).values()
    (row,) = session.scalars(sa.select(models.BootstrapToken))
    plain = (token, f'{row.salt}{token}', f'{row.salt}\n{token}')
    assert row.token_hash not in {hashlib.sha256(text.encode()).hexdigest() for text in plain}


def test_a_token_of_the_release_before_opens_what_it_opened(
    tokens: BootstrapTokens, session: Session
) -> None:
    """Its operation may be under way."""
    (token,) = tokens.arm(session, BAY, 'operation', ['worker']).values()
    (row,) = session.scalars(sa.select(models.BootstrapToken))
    row.token_hash = hashlib.sha256(token.encode()).hexdigest()
    session.flush()
    assert tokens.verify(session, BAY, token) == ShownToken('worker', 'operation')
    assert tokens.verify(session, BAY, row.token_hash) is None


def test_tokens_of_other_bays_open_nothing(tokens: BootstrapTokens, session: Session) -> None:
    tokens.arm(session, BAY, 'operation', ROLES)
    foreign = tokens.arm(session, OTHER_BAY, 'other operation', ROLES)
    assert tokens.verify(session, BAY, foreign['master']) is None


def test_late_tokens_open_nothing_until_armed_again(
    tokens: BootstrapTokens, session: Session
) -> None:
    armed = tokens.arm(session, BAY, 'operation', ROLES)
    running = tokens.arm(session, BAY, 'another operation', ROLES)
    repository.disarm(session, 'operation')
    assert tokens.verify(session, BAY, armed['master']) is None
    assert tokens.verify(session, BAY, running['master']) == ShownToken(
        'master', 'another operation'
    )
    assert tokens.arm(session, BAY, 'operation', ROLES) == armed
    assert tokens.verify(session, BAY, armed['master']) == ShownToken('master', 'operation')


@pytest.mark.parametrize('token', ['', 'wrong', 'ü', '\udcff', '\x00', 'x' * 100_000])
def test_anything_else_opens_nothing(tokens: BootstrapTokens, session: Session, token: str) -> None:
    tokens.arm(session, BAY, 'operation', ROLES)
    assert tokens.verify(session, BAY, token) is None
    assert tokens.verify(session, 'no bay', token) is None


def test_the_stored_hash_and_salt_open_nothing(tokens: BootstrapTokens, session: Session) -> None:
    armed = tokens.arm(session, BAY, 'operation', ROLES)
    for row in session.scalars(sa.select(models.BootstrapToken)):
        kept = (row.salt, row.token_hash)
        assert not set(armed.values()) & set(kept)
        assert [tokens.verify(session, BAY, text) for text in kept] == [None, None]


def test_forgetting_a_bay_leaves_others(tokens: BootstrapTokens, session: Session) -> None:
    gone = tokens.arm(session, BAY, 'operation', ROLES)
    kept = tokens.arm(session, OTHER_BAY, 'other operation', ROLES)
    repository.delete_all(session, BAY)
    assert tokens.verify(session, BAY, gone['master']) is None
    assert tokens.verify(session, OTHER_BAY, kept['master']) == ShownToken(
        'master', 'other operation'
    )


def test_disarming_nothing_is_fine(tokens: BootstrapTokens, session: Session) -> None:
    repository.disarm(session, 'operation')
