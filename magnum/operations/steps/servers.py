"""Servers of masters that are replaced, where Heat would wait for them without end.

A new master takes over the port of the old one, and its etcd volume. Heat has Nova detach
both from the old server first. The compute host does that, with the guest: where the host is
down, or the guest hangs, it never ends, and a retry meets the same server. The deletion of a
server ends: for a host that is down Nova's API does it alone, and lets ports and volumes go.
Heat passes over a server that is gone, and ports of masters are not of their servers: they
stay.

So the server of a lost master is deleted before Heat is asked. So is that of the only master,
whose etcd writes to its volume until its server ends. Heat judges the new server before: where its
image is gone, the operation ends while the old server is there. All other servers are Heat's:
it can detach from them.
"""

import datetime
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import orm

from magnum.clients.errors import CloudRefused, CloudUnavailable
from magnum.clients.project_resources import SOFT_DELETED
from magnum.db.models import Node, Operation
from magnum.db.repositories import events, node_watch, steps
from magnum.db.statements import database_now
from magnum.domain import verbs
from magnum.domain.failures import NODE_SILENT
from magnum.domain.parameters import Parameters, Upgrade
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER
from magnum.operations.outcomes import TryLater
from magnum.operations.steps.heat import first_allowed
from magnum.operations.work import Situation, Work

#: Seconds between two looks for the server.
_PAUSE: Final = 2.0
#: How long a Nova that does not answer is waited for; Heat may reach it.
_PATIENCE: Final = datetime.timedelta(minutes=5)
_DELETED: Final = 'bay.upgrade.server_deleted'
_NOT_DELETED: Final = 'bay.upgrade.server_not_deleted'


def delete_lost_servers(
    work: Work, situation: Situation, step: str, preview: Callable[[], None]
) -> None:
    """Have Nova delete servers of the batch that Heat would wait for without end.

    By the ids of the servers that have registered, and never one that this operation built:
    a new server is another one, whatever it is called. A retry has Heat make servers of
    another revision, and deletes those of the one before it that are lost. What Nova refuses
    is told, and is Heat's.

    :param step: that asks.
    :param preview: has Heat judge the new servers.
    :raises TryLater: they are not gone yet.
    :raises CloudRefused: Heat would not make the new ones; no server is deleted.
    """
    if situation.nodegroup.role != MASTER:
        return
    with work.tools.database.reading() as session:
        found = _found(work, session, situation)
        name = verbs.with_ending(step, Parameters.of(situation.operation))
        begun = steps.started_at(session, situation.operation.uuid, name)
        is_patient = begun is None or database_now(session) < begun + _PATIENCE
    if found and not Upgrade.of(situation.operation).current.is_asked:
        preview()
    for master in found:
        try:
            _delete(work, master)
        except CloudRefused as refused:
            _give_up(work, master, refused.reason)
        except CloudUnavailable as away:
            if is_patient:
                raise
            _give_up(work, master, away.reason)


def _found(work: Work, session: orm.Session, situation: Situation) -> Sequence[Node]:
    """The masters of the batch whose servers are to be deleted, or are being."""
    operation, bay = situation.operation, situation.bay
    this = Upgrade.of(operation).current
    driver, name = work.driver(situation), stack_name(bay.name, bay.uuid)
    is_only = situation.nodegroup.node_count == 1
    return [
        node for node in node_watch.registered(session, bay.uuid, MASTER)
        if str(driver.node_index(MASTER, name, node.name)) in (this.batch or ())
        and node.operation_uuid != operation.uuid
        and (is_only or _is_lost(node) or node.server_id in this.deleting)
    ]


def _is_lost(master: Node) -> bool:
    """Whether nothing is heard of it any more, or ever was."""
    return master.is_silent or master.heard_at is None


def _delete(work: Work, master: Node) -> None:
    """See that Nova has the server of a master no more.

    :raises TryLater: it still has.
    :raises CloudError: it refused, or did not answer.
    """
    server = master.server_id
    status = first_allowed(work.resources_identities(), lambda nova: nova.server_status(server))
    if status is None:
        _note_gone(work, master)
        return
    with work.fenced() as (_, operation):
        this = Upgrade.of(operation).current
        # As when Heat was asked: without its server the master is to be made anew.
        _note(operation, is_asked=True, deleting=tuple({*this.deleting, server}))
    # Again at each look: it may be that Nova has only just seen that the host is down.
    first_allowed(
        work.resources_identities(),
        lambda nova: nova.delete_server(server, is_forced=status == SOFT_DELETED),
    )
    raise TryLater(
        f'Nova still has the server {server} of the master {master.name}', _PAUSE, NODE_SILENT
    )


def _note_gone(work: Work, master: Node) -> None:
    """Tell that a server is gone, if it was deleted here."""
    with work.changing_bay() as (session, operation):
        if _forget(operation, master.server_id):
            told = f'the server {master.server_id} of the master {master.name} is deleted'
            events.record(session, operation, _DELETED, told)


def _give_up(work: Work, master: Node, why: str) -> None:
    """Tell that a server was not deleted, once."""
    told = f'the server {master.server_id} of the master {master.name} is not deleted: {why}'
    with work.changing_bay() as (session, operation):
        _forget(operation, master.server_id)
        events.record_once(session, operation, _NOT_DELETED, told)


def _forget(operation: Operation, server: str) -> bool:
    """Note that a server is waited for no more; whether it was."""
    left = Upgrade.of(operation).current.deleting
    _note(operation, deleting=tuple(one for one in left if one != server))
    return server in left


def _note(operation: Operation, **values: object) -> None:
    operation.parameters = Upgrade.of(operation).with_current(**values).stored()
