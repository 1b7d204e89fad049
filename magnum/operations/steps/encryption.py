"""The key with which masters encrypt, in a rotation of the bay's authority.

Masters take keys over with the authorities of each change. What is done here is to
decide whether they can, and to have one of them write anew what etcd has, while all can
read by both keys and write by the next one.
"""

import datetime
from collections.abc import Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Node, Operation
from magnum.db.repositories import directives, events, node_trust, node_watch
from magnum.db.statements import database_now
from magnum.domain import boot, node_health, reports
from magnum.domain.directives import REENCRYPT
from magnum.domain.failures import NODE_FAILED, NODE_SILENT, Failure
from magnum.drivers.contract import MASTER
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps.nodes import until_heard
from magnum.operations.work import Work

#: Seconds between two looks for the result.
_PAUSE: Final = 2.0
#: Seconds that a master may take to write everything anew.
_SECONDS: Final = 900
#: For that and for its word of it, from when it has heard.
_TIME: Final = datetime.timedelta(seconds=_SECONDS, minutes=2)


def masters_without(session: orm.Session, bay_uuid: str) -> list[str]:
    """Masters, by name, that have not said that they can take another key over."""
    able = {
        node.name for node in node_watch.reporting(session, bay_uuid, MASTER)
        if (node.versions or {}).get(reports.ENCRYPTION_KEY)
    }
    return [name for name in node_trust.expected(session, bay_uuid, MASTER) if name not in able]


def record_kept(
    session: orm.Session, operation: Operation, what: str, masters: Sequence[str]
) -> None:
    """Say that masters keep the key that they have.

    :param what: is encrypted with it, as of ``encrypted``.
    """
    events.record(
        session, operation, f'bay.{operation.verb}.encryption_key_kept',
        f'Masters keep the key with which they encrypt in etcd: {what}. Those that cannot take '
        f'another one over, because an earlier release made them: {", ".join(masters)}',
    )


def record_rotated(session: orm.Session, operation: Operation, what: str) -> None:
    """Say that the former key is of no use any more.

    :param what: was encrypted with it, as of ``encrypted``.
    """
    events.record(
        session, operation, f'bay.{operation.verb}.encryption_key_replaced',
        f'Encrypted in etcd with another key: {what}; masters forget the former one',
    )


def encrypted(work: Work) -> str:
    """What masters encrypt by the bay's key, in words."""
    situation = work.situation()
    if work.driver(situation).encrypts_secrets(situation.bay.labels or {}):
        return 'all secrets, and the key of service accounts'
    return "the key of service accounts (secrets as the bay's own configuration says)"


def rewrite_secrets(work: Work) -> None:
    """Have a master write anew, with the next key, what the former one has encrypted.

    :raises TryLater: it is not done yet.
    :raises StepFailed: it was not done; the former key stays.
    """
    bay_uuid = work.claim.bay_uuid
    with work.changing_bay() as (session, operation):
        if not work.tools.certificates.rewrites(session, bay_uuid):
            return
        given = directives.of_verb(session, operation.uuid, REENCRYPT)
        if given is None:
            master = _master(session, bay_uuid)
            if master is None:
                raise TryLater('No master reports that its API server works.', _PAUSE, NODE_SILENT)
            directives.give(
                session, operation, MASTER, master.name, REENCRYPT, {'seconds': _SECONDS}
            )
        elif given.outcome == reports.DONE:
            return
        elif given.outcome is not None:
            lines = ' | '.join(given.lines or []) or 'it failed'
            raise StepFailed(Failure(
                NODE_FAILED, f'Secrets were not encrypted anew: {lines}', given.node, boot.SERVER
            ))
        elif database_now(session) > given.created_at + (time := _TIME + until_heard(work)):
            raise _silent(given.node, round(time.total_seconds() / 60))
    raise TryLater('A master encrypts secrets anew.', _PAUSE, NODE_SILENT)


def _silent(node: str, minutes: int) -> StepFailed:
    return StepFailed(Failure(
        NODE_SILENT,
        f'The master did not say in {minutes} minutes that it has encrypted secrets anew.',
        node, boot.SERVER,
    ))


def _master(session: orm.Session, bay_uuid: str) -> Node | None:
    """A master that reports, and whose control plane works."""
    return next((
        node for node in node_watch.at_work(
            node_watch.reporting(session, bay_uuid, MASTER)
        )
        if node_health.control_plane(node.conditions)['status'] != reports.FALSE
    ), None)
