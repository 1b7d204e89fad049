"""The application credential of a bay, with which its masters use the cloud.

It is one of the bay's own Keystone user, with some of the user's roles. Name
and secret are stored before Keystone hears of them; what a crash leaves there
is made anew. A rotation makes a second one, of the next generation, and
deletes the first when masters have taken the second over.

Where masters know that, each purpose but the first has one of its own, of the
same generation. All that holds for these, too.
"""

import dataclasses
import datetime
import functools
from collections.abc import Sequence
from typing import Final

from oslo_log import log as logging

from magnum.clients.application_credentials import Access, ApplicationCredentials
from magnum.clients.errors import CloudForbidden
from magnum.db.inheritance import of_bay
from magnum.db.models import CloudCredential, Node, PurposeCredential
from magnum.db.repositories import cloud_credentials, events, ledger, locking, node_watch
from magnum.db.statements import database_now
from magnum.domain import states
from magnum.domain.failures import Failure
from magnum.domain.node_health import CLOUD, CREDENTIALS_VALID
from magnum.domain.parameters import RotateCredential
from magnum.domain.reports import CLOUD_CREDENTIAL, CLOUD_PURPOSES
from magnum.drivers.contract import MASTER
from magnum.operations import bay_conditions, cloud_secrets
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps.entries import entries_of, strike
from magnum.operations.steps.heat import first_allowed
from magnum.operations.steps.rendering import plan_without_secrets
from magnum.operations.work import Situation, Work

LOG = logging.getLogger(__name__)

Credential = CloudCredential | PurposeCredential

#: By the event's kind: who may use the credential that is deleted.
_LEFT: Final = {
    'masters_behind': 'Masters that did not take the new credential of the cloud over in time, '
    'and whose old one is deleted now',
    'masters_silent': 'Masters that are silent, and whose credential of the cloud is deleted now; '
    'they take the new one over when they report again',
}


def ensure_cloud_credential(work: Work) -> None:
    """Make the credential of a bay whose masters get one."""
    situation = work.situation()
    if not _is_wanted(work, situation):
        return
    known = _of_bay(work)
    newest = known[-1] if known else _begin(work, situation, 1)
    if newest.credential_id is not None and _is_gone(work, newest):
        # Made by an attempt before, and gone since, as its user may be.
        newest = _begin(work, situation, newest.generation + 1)
    _make(work, situation, newest)
    drop_old_cloud_credential(work)


def add_cloud_credential(work: Work) -> None:
    """Make the next one beside that which masters have.

    Masters of bays that were made when labels asked for none yet could use none.
    """
    situation = work.situation()
    known = _of_bay(work)
    if not known or not _is_wanted(work, situation):
        return
    newest = known[-1]
    if RotateCredential.of(situation.operation).cloud_generation is None:
        newest = _begin(work, situation, newest.generation + 1)
    _make(work, situation, newest)


def await_masters(work: Work) -> None:
    """Wait until the masters that report have the newest one, for a bounded time.

    Silent ones are not waited for, and named when the wait is over.

    :raises TryLater: naming those that have another one.
    """
    known = _of_bay(work)
    if len(known) < 2:
        return
    behind = _behind(work, known[-1].generation)
    if not behind:
        return
    awaited = ', '.join(_as_it_is(node) for node in behind if not node.is_silent)
    silent = ', '.join(node.name for node in behind if node.is_silent)
    with work.changing_bay() as (session, operation):
        begun = operation.started_at or operation.created_at
        patience = datetime.timedelta(seconds=work.tools.conf.identity.cloud_credential_wait)
        end = begun + min(patience, (operation.deadline - begun) / 2)
        if not awaited or database_now(session) >= end:
            for kind, names in (('masters_behind', awaited), ('masters_silent', silent)):
                if names:
                    events.record(
                        session, operation, f'bay.{operation.verb}.{kind}',
                        f'{_LEFT[kind]}: {names}',
                    )
            return
    raise TryLater(
        f'Masters that do not have the new credential of the cloud yet: {awaited}.',
        work.tools.conf.conductor.watch_interval,
        'nodes_behind',
    )


def drop_old_cloud_credential(work: Work) -> None:
    """Delete all but those of the newest generation."""
    known = _of_bay(work)
    newest = max((one.generation for one in known), default=0)
    of_all: list[Credential] = [*known, *_of_purposes(work)]
    old = {one.name: one for one in of_all if one.generation < newest}
    if not old:
        return
    keystone = _own(work)
    for entry in entries_of(work, ledger.APPLICATION_CREDENTIAL):
        if entry.name in old:
            _remove(old[entry.name].credential_id, entry.name, keystone)
            with work.writing() as session:
                cloud_credentials.delete(session, entry.bay_uuid, entry.name)
                ledger.strike(session, entry)


def revoke_cloud_credential(work: Work) -> None:
    """Delete them all, so that nothing in a bay that is deleted makes anything any more.

    Where neither the bay's user nor the service may do so, they go with the user.
    """
    user_id = _user_id(work)
    for entry in entries_of(work, ledger.APPLICATION_CREDENTIAL):
        if user_id is not None:
            remove = functools.partial(_remove, entry.external_id, entry.name)
            try:
                first_allowed(work.credentials_identities(user_id), remove)
            except CloudForbidden as error:
                LOG.warning('The credential %s goes with its user: %s', entry.name, error)
                continue
        strike(work, entry)


def _remove(known: str | None, name: str, keystone: ApplicationCredentials) -> None:
    found = known or keystone.find(name)
    if found:
        keystone.delete(found)


def _user_id(work: Work) -> str | None:
    """Id of the bay's user, by the ledger alone; None if there is none."""
    for entry in entries_of(work, ledger.KEYSTONE_USER):
        return entry.external_id or work.tools.keystone.find_user(entry.name)
    return None


def _is_wanted(work: Work, situation: Situation) -> bool:
    driver = work.driver(situation)
    return driver.wants_cloud_credential(plan_without_secrets(work, situation))


def _of_bay(work: Work) -> Sequence[CloudCredential]:
    with work.tools.database.reading() as session:
        return cloud_credentials.of_bay(session, work.claim.bay_uuid)


def _of_purposes(work: Work, generation: int | None = None) -> Sequence[PurposeCredential]:
    with work.tools.database.reading() as session:
        return cloud_credentials.of_purposes(session, work.claim.bay_uuid, generation)


def _is_gone(work: Work, newest: CloudCredential) -> bool:
    """Whether Keystone has one of a generation that was made no more."""
    keystone = _own(work)
    made: list[Credential] = [newest, *_of_purposes(work, newest.generation)]
    return any(one.credential_id and keystone.find(one.name) is None for one in made)


def _know_purposes(work: Work, situation: Situation) -> bool:
    """Whether all masters that there are take a credential for each purpose."""
    with work.tools.database.reading() as session:
        masters = node_watch.reporting(session, work.claim.bay_uuid, MASTER)
    if not masters:
        # Those that are about to be built do.
        return situation.operation.verb == states.CREATE and situation.bay.stack_id is None
    return all((node.versions or {}).get(CLOUD_PURPOSES) == 'true' for node in masters)


def _begin(work: Work, situation: Situation, generation: int) -> CloudCredential:
    """Store names and secrets of those of a generation that are about to be made."""
    bay_uuid, sealer = work.claim.bay_uuid, work.tools.sealer
    name = f'{bay_uuid}-{generation}'
    apart: Sequence[str] = ()
    if _know_purposes(work, situation):
        apart = work.driver(situation).cloud_purposes(plan_without_secrets(work, situation))[1:]
    with work.fenced() as (session, operation):
        of_project = bay_uuid, operation.project_id, ledger.APPLICATION_CREDENTIAL
        ledger.write(session, *of_project, name)
        for purpose in apart:
            ledger.write(session, *of_project, f'{name}-{purpose}')
            cloud_credentials.insert_of_purpose(
                session, bay_uuid, generation, purpose, f'{name}-{purpose}',
                cloud_secrets.new(sealer, bay_uuid, generation, purpose),
            )
        if operation.verb == states.ROTATE_CREDENTIAL:
            # When it goes on after a crash, this one will do.
            asked = RotateCredential.of(operation)
            operation.parameters = dataclasses.replace(
                asked, cloud_generation=generation
            ).stored()
        return cloud_credentials.insert(
            session, bay_uuid, generation, name, cloud_secrets.new(sealer, bay_uuid, generation)
        )


def _make(work: Work, situation: Situation, newest: CloudCredential) -> None:
    """Have Keystone make those of a generation, and see that the cloud accepts them."""
    if newest.access is not None:
        return
    apart = _of_purposes(work, newest.generation)
    purposes: Sequence[str] = ()
    if apart or _know_purposes(work, situation):
        own = {one.purpose for one in apart}
        wanted = work.driver(situation).cloud_purposes(plan_without_secrets(work, situation))
        purposes = [purpose for purpose in wanted if purpose not in own]
    for one in apart:
        _make_one(work, situation, one, [one.purpose])
    network = of_bay(situation.bay, situation.baymodel, 'external_network_id')
    credential_id, access = _make_one(work, situation, newest, purposes, network)
    with work.changing_bay() as (session, _):
        # From now on masters are given them all.
        cloud_credentials.set_values(
            session, newest.bay_uuid, newest.generation, credential_id,
            dataclasses.asdict(access),
        )
        # What was said of the one before does not hold for it.
        bay = locking.lock_bay(session, newest.bay_uuid)
        bay_conditions.update(session, bay, {}, {CREDENTIALS_VALID})


def _make_one(
    work: Work, situation: Situation, credential: Credential, purposes: Sequence[str],
    network: str | None = None,
) -> tuple[str, Access]:
    """Have Keystone make one, unless it has; its id, and what it opens.

    :param purposes: what it is for; none: for all.
    :param network: the external one to look for.
    """
    bay_uuid, driver = credential.bay_uuid, work.driver(situation)
    purpose = credential.purpose if isinstance(credential, PurposeCredential) else ''
    secret = cloud_secrets.unseal(work.tools.sealer, credential, purpose)
    credential_id, options = credential.credential_id, work.tools.conf.identity
    rules = driver.cloud_access_rules(
        plan_without_secrets(work, situation), list(filter(None, options.cloud_access_rules)),
        purposes,
    )
    if credential_id is None:
        keystone = _own(work)
        roles = driver.cloud_roles(_roles(options.cloud_roles, keystone), purposes)
        users = ', '.join(purposes) or 'the masters'
        credential_id = keystone.make(
            credential.name, secret, roles, f'For {users} of the bay {bay_uuid}', rules
        )
        with work.writing() as session:
            if isinstance(credential, PurposeCredential):
                cloud_credentials.note_id_of_purpose(session, credential.id, credential_id)
            else:
                cloud_credentials.set_values(
                    session, bay_uuid, credential.generation, credential_id
                )
            ledger.note_id(
                session, bay_uuid, ledger.APPLICATION_CREDENTIAL, credential.name, credential_id
            )
    return credential_id, work.tools.application_credentials.access(
        credential_id, secret, network, rules
    )


def _own(work: Work) -> ApplicationCredentials:
    """:raises StepFailed: the bay has no identity."""
    keystone = work.own_credentials()
    if keystone is None:
        raise StepFailed(Failure('identity_missing', 'The bay has no identity of its own.'))
    return keystone


def _roles(wanted: Sequence[str], keystone: ApplicationCredentials) -> list[str]:
    """Those of the wanted roles that the user holds.

    :raises StepFailed: there is none.
    """
    held = keystone.roles()
    lower = {role.lower() for role in wanted}
    roles = sorted(role for role in held if role.lower() in lower)
    if not roles:
        raise StepFailed(Failure(
            'forbidden',
            "the bay's identity holds none of the roles that a credential of the cloud may have: "
            + ', '.join(wanted),
        ))
    return roles


def _behind(work: Work, generation: int) -> list[Node]:
    """Masters that have reported, and have not said that they have a generation."""
    with work.tools.database.reading() as session:
        return [
            node for node in node_watch.reporting(session, work.claim.bay_uuid, MASTER)
            # One that is being built anew fetches it in a step.
            if node.signing_key is not None
            and (node.versions or {}).get(CLOUD_CREDENTIAL) != str(generation)
        ]


def _as_it_is(node: Node) -> str:
    """A master's name, with what it says of why it has not taken the credential over."""
    said = (node.conditions or {}).get(CLOUD, {}).get('message')
    return f'{node.name} ({said})' if said else node.name
