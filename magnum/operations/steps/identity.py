"""The bay's own Keystone user."""

import sqlalchemy as sa

from magnum.db.models import BayIdentity
from magnum.db.repositories import ledger
from magnum.domain.failures import Failure
from magnum.operations import passwords
from magnum.operations.outcomes import StepFailed
from magnum.operations.work import Work


def ensure_identity(work: Work) -> None:
    """Make the user that owns the bay's stack, with no more than the caller's roles."""
    tools, claim = work.tools, work.claim
    with work.fenced() as (session, operation):
        held = {role.lower() for role in operation.roles}
        roles = [role for role in tools.conf.identity.roles if role.lower() in held]
        if not roles:
            raise StepFailed(
                Failure(
                    'forbidden',
                    "the caller holds none of the roles that a bay's identity may have: "
                    + ', '.join(tools.conf.identity.roles),
                )
            )
        project_id = operation.project_id or ''
        identity = session.scalars(
            sa.select(BayIdentity).filter_by(bay_uuid=claim.bay_uuid)
        ).one_or_none()
        if identity is None:
            password = passwords.new()
            identity = BayIdentity(
                bay_uuid=claim.bay_uuid,
                project_id=project_id,
                username=f'{claim.bay_uuid}_{project_id}',
                sealed_password=passwords.seal(tools.sealer, claim.bay_uuid, [password]),
            )
            session.add(identity)
            ledger.write(
                session, claim.bay_uuid, project_id, ledger.KEYSTONE_USER, identity.username
            )
        else:
            password = passwords.unseal(
                tools.sealer, claim.bay_uuid, identity.sealed_password
            )[-1]
        username = identity.username
    user_id = tools.keystone.ensure_user(
        username, password, f'Identity of the bay {claim.bay_uuid}'
    )
    with work.writing() as session:
        session.execute(
            sa.update(BayIdentity).filter_by(bay_uuid=claim.bay_uuid).values(user_id=user_id)
        )
        ledger.note_id(session, claim.bay_uuid, ledger.KEYSTONE_USER, username, user_id)
    tools.keystone.grant(user_id, project_id, roles)
