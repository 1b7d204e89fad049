"""Rotation of the password of a bay's Keystone user.

It is stored before Keystone hears of it, and the old one is dropped only when
the new one has been used: at any moment one of those stored is accepted.
"""

from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.db.models import BayIdentity
from magnum.db.repositories import identities
from magnum.domain.failures import Failure
from magnum.domain.stack_names import stack_name
from magnum.operations import passwords
from magnum.operations.outcomes import StepFailed
from magnum.operations.work import Work


def add_password(work: Work) -> None:
    """Store a new password beside the old one.

    One that an earlier rotation has stored and not come to use will do.
    """
    with work.writing() as session:
        identity, known = _identity(session, work)
        if len(known) == 1:
            _store(work, identity, [*known, passwords.new()])


def change_password(work: Work) -> None:
    """Set the new password in Keystone, which revokes the user's tokens."""
    user_id, _, newest = _newest(work)
    work.tools.keystone.set_password(user_id, newest)


def prove_password(work: Work) -> None:
    """Verify the new password by a look at the bay's stack."""
    user_id, project_id, newest = _newest(work)
    bay = work.situation().bay
    heat = work.tools.heat.user(user_id, newest, project_id)
    heat.get(bay.stack_id or stack_name(bay.name, bay.uuid))


def drop_old_password(work: Work) -> None:
    """Drop the former password."""
    with work.writing() as session:
        identity, known = _identity(session, work)
        _store(work, identity, known[-1:])


def _newest(work: Work) -> tuple[str, str, str]:
    with work.tools.database.reading() as session:
        identity, known = _identity(session, work)
    return identity.user_id or '', identity.project_id or '', known[-1]


def _identity(session: orm.Session, work: Work) -> tuple[BayIdentity, list[str]]:
    identity = identities.load(session, work.claim.bay_uuid)
    if identity is None or identity.user_id is None:
        raise StepFailed(Failure('identity_missing', 'The bay has no identity of its own.'))
    try:
        known = passwords.unseal(
            work.tools.sealer, identity.bay_uuid, identity.sealed_password
        )
    except SealingError as error:
        raise StepFailed(Failure('seal_broken', str(error))) from error
    return identity, known


def _store(work: Work, identity: BayIdentity, known: list[str]) -> None:
    identity.sealed_password = passwords.seal(work.tools.sealer, identity.bay_uuid, known)
