"""Nodes that healing replaces, and that report again before anything was done to them."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from magnum.db.repositories import events, node_watch
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import Parameters, Resize, Upgrade
from magnum.operations.outcomes import NothingLeft
from magnum.operations.steps.rendering import own_stack_name
from magnum.operations.steps.upgrade import left_nodes
from magnum.operations.work import Situation, Work

_EVENT: Final = 'bay.node.returned'


def spare_returned(work: Work) -> None:
    """Pass over nodes that were to be replaced because they were lost, and are not.

    As long as no master was told to let them go, and Heat was not asked: what was
    drained is replaced.

    :raises NothingLeft: the operation was about no others.
    """
    situation = work.situation()
    asked = Parameters.of(situation.operation)
    if not isinstance(asked, Resize | Upgrade) or not asked.if_silent:
        return
    if asked.leaving or situation.operation.stack_action is not None:
        return
    returned = _heard_of(work, situation, asked)
    if not returned:
        return
    if isinstance(asked, Upgrade):
        with work.tools.database.reading() as session:
            left = left_nodes(session, situation.operation, situation.nodegroup)
        if asked.current.is_asked or left or {*asked.nodes} - returned.keys():
            return
    with work.changing_bay() as (session, operation):
        now = Parameters.of(operation)
        if isinstance(now, Resize):
            now = dataclasses.replace(now, nodes_to_remove=tuple(
                name for name in now.nodes_to_remove if name not in returned
            ))
            operation.parameters = now.stored()
        names = ', '.join(sorted(returned.values()))
        events.record(session, operation, _EVENT, f'not replaced, as heard of again: {names}')
    if isinstance(now, Resize) and (
        now.nodes_to_remove or now.node_count != now.previous_node_count
    ):
        return
    raise NothingLeft(f'Heard of again: {names}')


def _heard_of(
    work: Work, situation: Situation, asked: Resize | Upgrade
) -> Mapping[str, str]:
    """Names of the nodes that are lost no more, by index."""
    driver, stack = work.driver(situation), own_stack_name(situation)
    role = kind_of(situation.nodegroup.role)
    with work.tools.database.reading() as session:
        found = node_watch.reporting(session, situation.bay.uuid)
    lost = {node.id for node in node_watch.lost(found)}
    heard = {
        str(driver.node_index(role, stack, node.name)): node.name
        for node in found if node.role == role and node.id not in lost
    }
    return {index: heard[index] for index in asked.if_silent if index in heard}
