"""The Keystone user of a bay."""

from magnum.db.repositories import identities, ledger
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
        identity = identities.load(session, claim.bay_uuid)
        if identity is None:
            password, username = passwords.new(), f'{claim.bay_uuid}_{project_id}'
            sealed = passwords.seal(tools.sealer, claim.bay_uuid, [password])
            identities.insert(session, claim.bay_uuid, project_id, username, sealed)
            ledger.write(session, claim.bay_uuid, project_id, ledger.KEYSTONE_USER, username)
        else:
            username = identity.username
            password = passwords.unseal(
                tools.sealer, claim.bay_uuid, identity.sealed_password
            )[-1]
    user_id = tools.keystone.ensure_user(
        username, password, f'Identity of the bay {claim.bay_uuid}'
    )
    with work.writing() as session:
        identities.set_user_id(session, claim.bay_uuid, user_id)
        ledger.note_id(session, claim.bay_uuid, ledger.KEYSTONE_USER, username, user_id)
    tools.keystone.grant(user_id, project_id, roles)
