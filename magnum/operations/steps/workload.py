"""Removal of what the workload of a bay made in the project.

Load balancers and floating IPs of its services would keep its network from
being deleted; they go first, and the bay's controllers may make another one
while its masters live, so that they are looked for again when Heat refuses.
Volumes of its claims go as soon as no node has them attached, and no snapshot of theirs is
left: Cinder deletes none before. Shares of its claims stay, and are told of.

Only what :mod:`magnum.domain.bay_resources` recognises is removed. It is
written in the ledger before, and checked once more whenever it is come back to.
"""

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from oslo_log import log as logging

from magnum.clients.errors import (
    CloudConflict,
    CloudError,
    CloudForbidden,
    CloudRefused,
    CloudUnavailable,
)
from magnum.clients.project_resources import (
    LOAD_BALANCER,
    SHARES,
    VOLUMES,
    FloatingIP,
    LoadBalancer,
    ProjectResources,
    Share,
    Snapshot,
    Volume,
)
from magnum.db.models import LedgerEntry
from magnum.db.repositories import events, ledger, operations
from magnum.domain import bay_resources, states
from magnum.domain.bay_resources import Owner
from magnum.domain.failures import Failure
from magnum.domain.parameters import Removing
from magnum.domain.plain_text import one_line
from magnum.domain.stack_names import stack_name
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps.entries import entries_of, strike
from magnum.operations.steps.heat import existing_resources, first_allowed
from magnum.operations.work import Situation, Work

LOG = logging.getLogger(__name__)

T = TypeVar('T')

_COE: Final = 'kubernetes'      # nothing in a bay of another engine asks the cloud for anything
_DELAY: Final = 3.0             # seconds between two looks at what is being deleted
#: How often load balancers are looked at before the servers go in any case.
_LOOKS_BEFORE: Final = 40
#: How often a volume that is still attached is looked at once the nodes are gone.
_LOOKS: Final = 20
_FREE: Final = ('available', 'error')
_SERVER: Final = 'OS::Nova::Server'
_PORT: Final = 'OS::Neutron::Port'
_NET: Final = 'OS::Neutron::Net'
_VOLUME: Final = 'OS::Cinder::Volume'
_SNAPSHOT: Final = 'OS::Cinder::Snapshot'
#: What stays: what it is called, and by what command it goes.
_KEPT: Final[Mapping[type, tuple[str, str]]] = {
    Snapshot: ('snapshot', 'openstack volume snapshot delete'),
    Volume: ('volume', 'openstack volume delete'),
}


def remove_load_balancers(work: Work) -> None:
    """Remove what services and claims of the bay have in the project, as far as it is free.

    Servers cost money: what does not come to an end is looked at again when
    they are gone.

    :raises TryLater: Octavia is at work on a load balancer, or a service does not answer.
    """
    situation = _situation(work)
    if situation is None:
        return
    try:
        _remove_free_volumes(work, situation)
        removing = _remove_services(work, situation)
    except CloudUnavailable as down:
        later = TryLater(str(down), _DELAY, 'cloud_unavailable')
    else:
        if not removing:
            return
        later = _later(removing)
    if _count_look(work, remove_load_balancers.__name__) < _LOOKS_BEFORE:
        raise later
    LOG.warning('The stacks of bay %s are deleted with this left: %s', work.claim.bay_uuid, later)


def remove_volumes(work: Work) -> None:
    """Remove the volumes of the bay's claims, and what its controllers made at the last.

    Its nodes are gone.

    :raises TryLater: the cloud is at work on one of them.
    :raises StepFailed: a volume is still in use.
    """
    situation = _situation(work)
    if situation is None:
        return
    removing = _remove_services(work, situation)
    kept: Sequence[Snapshot | Volume] = ()
    if _has(work, VOLUMES):
        servers = frozenset(one for asked in _earlier(work) for one in asked.servers)
        owner = dataclasses.replace(_owner(situation), server_ids=servers)
        snapshots, volumes = _snapshots(work, owner), _volumes(work, owner)
        if _takes_volumes(work):
            going, snapshots, volumes = _remove_claims(work, owner, snapshots, volumes)
            removing += going
        # A volume goes only after its snapshots.
        kept = [*snapshots, *volumes]
    if removing:
        raise _later(removing)
    _tell_of_kept(work, kept)
    if _has(work, SHARES):
        _tell_of_shares(work, _owner(situation))


def _remove_claims(
    work: Work, owner: Owner, snapshots: Sequence[Snapshot], volumes: Sequence[Volume]
) -> tuple[list[str], list[Snapshot], list[Volume]]:
    """Remove volumes of claims and their snapshots.

    A snapshot stays with its volume, and a volume with a snapshot that is to stay.

    :returns: names of those that are going, and what stays.
    """
    held = {one.volume_id for one in snapshots if bay_resources.is_retained(one)}
    mine = [one.id for one in volumes if owner.owns_volume(one) and one.id not in held]
    _write(work, ledger.VOLUME, mine)
    written = {entry.name for entry in entries_of(work, ledger.VOLUME)}
    stays = held | {
        one.id for one in volumes if not owner.owns_volume(one, is_known=one.id in written)
    }
    taken = {
        one.id: one.volume_id for one in snapshots
        if one.volume_id not in stays and owner.owns_snapshot(one, one.volume_id in written)
    }
    _write(work, ledger.SNAPSHOT, taken)
    going = [
        name for entry in entries_of(work, ledger.SNAPSHOT)
        for name in _remove_snapshot(work, entry, entry.name in taken)
    ]
    # Volumes made of a snapshot may have to go before it: each goes as soon as it can.
    waiting = set(taken.values())
    going += [
        name for entry in entries_of(work, ledger.VOLUME) if entry.name not in waiting
        for name in _remove_volume(work, entry, owner, entry.name in held)
    ]
    return (
        going, [one for one in snapshots if one.id not in taken],
        [one for one in volumes if one.id in stays],
    )


def remove_late_services(work: Work) -> list[str]:
    """Remove load balancers once more: controllers of the bay may have made others.

    :returns: names of those that Octavia is still at work on.
    """
    situation = _situation(work)
    return [] if situation is None else _remove_services(work, situation)


def _remove_services(work: Work, situation: Situation) -> list[str]:
    """Remove the load balancers of the bay's services, and their floating IPs.

    :returns: names of those that Octavia is still at work on.
    """
    if not _has(work, LOAD_BALANCER):
        return []
    owner = _owner(situation)
    balancers = _allowed(work, lambda cloud: cloud.load_balancers(owner.project_id), LOAD_BALANCER)
    addresses = _allowed(work, lambda cloud: cloud.floating_ips(owner.project_id), 'network')
    if any(map(owner.may_own, balancers or ())):
        owner = _placed(work, situation, owner)
    owned = {one.id: one for one in balancers or () if owner.owns_load_balancer(one)}
    ports = {one.vip_port_id for one in owned.values()} - {None}
    _write(work, ledger.LOAD_BALANCER, owned)
    _write(
        work, ledger.FLOATING_IP,
        [one.id for one in addresses or () if owner.owns_floating_ip(one, ports)],
    )
    if addresses is not None:
        by_id = {one.id: one for one in addresses}
        for entry in entries_of(work, ledger.FLOATING_IP):
            _remove_address(work, entry, by_id.get(entry.name), owner, ports)
    if balancers is None:
        return []
    there = {one.id for one in balancers}
    return [
        name
        for entry in entries_of(work, ledger.LOAD_BALANCER)
        for name in _remove_balancer(work, entry, owned.get(entry.name), entry.name in there)
    ]


def _remove_address(
    work: Work,
    entry: LedgerEntry,
    address: FloatingIP | None,
    owner: Owner,
    ports: Iterable[str | None],
) -> None:
    if address is None:
        strike(work, entry)
    elif owner.owns_floating_ip(address, set(ports), is_known=True):
        _ask(work, lambda cloud: cloud.delete_floating_ip(address.id))
        strike(work, entry, f'floating IP {address.address} ({address.id})')
    else:                                                   # it was given to something else
        strike(work, entry)


def _remove_balancer(
    work: Work, entry: LedgerEntry, balancer: LoadBalancer | None, is_there: bool
) -> Sequence[str]:
    """Ask for the end of a load balancer; its name while it is still there.

    :param balancer: None when there is none that is the bay's.
    :param is_there: whether there is one, whose ever it is.
    """
    if balancer is None:
        strike(work, entry, None if is_there else f'load balancer {entry.name}')
        return ()
    name = f'load balancer {one_line(balancer.name, 255)} ({balancer.id}): {balancer.status}'
    if not balancer.status.startswith('PENDING_'):
        try:
            _ask(work, lambda cloud: cloud.delete_load_balancer(balancer.id))
        except CloudConflict as busy:
            LOG.info('The load balancer %s cannot be deleted yet: %s', balancer.id, busy)
    return (name,)


def _remove_free_volumes(work: Work, situation: Situation) -> None:
    """Write down the volumes of the bay's claims; remove those that no node has."""
    if not _takes_volumes(work):
        return
    owner = _owner(situation)
    found = _volumes(work, owner)
    if not found:
        return
    owner = _placed(work, situation, owner)
    with work.fenced() as (_, operation):
        asked = Removing.of(operation)
        operation.parameters = dataclasses.replace(
            asked, servers=tuple(sorted(owner.server_ids))
        ).stored()
    owned = {volume.id: volume for volume in found if owner.owns_volume(volume)}
    _write(work, ledger.VOLUME, owned)
    for volume in owned.values():
        if volume.status in _FREE and not volume.server_ids:
            try:
                _delete_volume(work, volume)
            except CloudRefused as refused:     # when the nodes are gone, it is asked again
                LOG.info('The volume %s cannot be deleted yet: %s', volume.id, refused)


def _delete_volume(work: Work, volume: Volume) -> None:
    _ask(work, lambda cloud: cloud.delete_volume(volume.id))


def _remove_snapshot(work: Work, entry: LedgerEntry, is_to_go: bool) -> Sequence[str]:
    """Ask for the end of a snapshot; its name while it is still there.

    :param is_to_go: it is there, and is the bay's.
    """
    snapshot = _ask(work, lambda cloud: cloud.snapshot(entry.name))
    if snapshot is None:
        strike(work, entry, f'snapshot {entry.name}')
        return ()
    if not is_to_go:                                        # it is to stay by now
        strike(work, entry)
        return ()
    name = f'snapshot {one_line(snapshot.name, 255)} ({snapshot.id}): {snapshot.status}'
    if _is_free(work, snapshot, name, _SNAPSHOT):
        try:
            _ask(work, lambda cloud: cloud.delete_snapshot(snapshot.id))
        except CloudRefused as refused:
            raise StepFailed(
                Failure('resource_in_use', str(refused), snapshot.id, _SNAPSHOT)
            ) from refused
    return (name,)


def _remove_volume(
    work: Work, entry: LedgerEntry, owner: Owner, is_held: bool
) -> Sequence[str]:
    """Ask for the end of a volume; its name while it is still there.

    :param is_held: a snapshot of it is to stay.
    """
    volume = _ask(work, lambda cloud: cloud.volume(entry.name))
    if volume is None:
        strike(work, entry, f'volume {entry.name}')
        return ()
    is_anothers = not owner.server_ids.issuperset(volume.server_ids)
    if is_held or bay_resources.is_retained(volume) or is_anothers:
        strike(work, entry)                                 # it is to stay, or another's by now
        return ()
    name = f'volume {one_line(volume.name, 255)} ({volume.id}): {volume.status}'
    if not _is_free(work, volume, name, _VOLUME, volume.server_ids):
        return (name,)
    if not owner.owns_volume(volume, is_known=True):        # it is not the bay's any more
        strike(work, entry)
        return ()
    try:
        _delete_volume(work, volume)
    except CloudRefused as refused:
        snapshots = ', '.join(
            f'snapshot {one_line(one.name, 255)} ({one.id})'
            for one in _ask(work, lambda cloud: cloud.snapshots(volume.id))
        )
        reason = f'In use by {snapshots}.' if snapshots else str(refused)
        raise StepFailed(
            Failure('resource_in_use', reason, volume.id, _VOLUME)
        ) from refused
    return (name,)


def _is_free(
    work: Work, one: Snapshot | Volume, name: str, kind: str, server_ids: Sequence[str] = ()
) -> bool:
    """Whether something of Cinder may be deleted now; not while it is being used or changed.

    :param name: with its status.
    :param server_ids: those that use it.
    :raises StepFailed: its deletion has failed, or it was used for too long.
    """
    if one.status == 'deleting':
        return False
    if one.status == 'error_deleting':
        raise StepFailed(Failure('resource_failed', name, one.id, kind))
    if not server_ids and one.status in _FREE:
        return True
    if _count_look(work, one.id) >= _LOOKS:
        servers = ', '.join(f'server {server}' for server in server_ids)
        reason = f'{name}: in use by {servers}' if servers else name
        raise StepFailed(Failure('resource_in_use', reason, one.id, kind))
    return False


def _count_look(work: Work, what: str) -> int:
    """How often something was looked at, with this time: not for ever."""
    with work.fenced() as (_, operation):
        asked = Removing.of(operation)
        looks = asked.delete_attempts.get(what, 0) + 1
        operation.parameters = asked.with_attempts(what, looks).stored()
    return looks


def _tell_of_kept(work: Work, kept: Sequence[Snapshot | Volume]) -> None:
    """Say which snapshots and volumes stay though they bear a name of the bay."""
    if not kept:
        return
    held = {
        one.volume_id for one in kept
        if isinstance(one, Snapshot) and bay_resources.is_retained(one)
    }
    with work.changing_bay() as (session, operation):
        for one in kept:
            what, command = _KEPT[type(one)]
            if bay_resources.is_retained(one):
                why = f'its property {bay_resources.RETAIN_KEY} says so'
            elif not work.tools.conf.cinder.delete_claim_volumes:
                why = f'{what}s of claims are kept here'
            elif isinstance(one, Snapshot):
                why = "its volume stays, or only a name says that it is the bay's"
            elif one.id in held:
                why = 'a snapshot of it stays'
            else:
                why = "only a name says that it is the bay's, or it is attached elsewhere"
            events.record(
                session, operation, f'bay.{operation.verb}.kept',
                f'{what} {one_line(one.name, 255)} ({one.id}) stays: {why}. When nobody '
                f'needs it: {command} {one.id}',
            )


def _tell_of_shares(work: Work, owner: Owner) -> None:
    """Say which shares of claims stay. Manila keeps no bay from being deleted."""
    key = bay_resources.SHARE_CLUSTER_KEY
    found: dict[str, Share] = {}
    try:
        for name in sorted(owner.unique_names):
            ask = operator.methodcaller('shares', owner.project_id, key, name)
            found |= {share.id: share for share in _ask(work, ask)}
        told = [text for share in found.values() for text in _kept_share(work, share)]
    except CloudError as error:
        LOG.warning('The shares of bay %s are not known: %s', work.claim.bay_uuid, error)
        of_bay = f'{key}={work.claim.bay_uuid}'
        told = [f'Which shares of claims stay Manila did not say: those with {of_bay}.']
    if not told:
        return
    with work.changing_bay() as (session, operation):
        for text in told:
            events.record(session, operation, f'bay.{operation.verb}.kept', text)


def _kept_share(work: Work, share: Share) -> list[str]:
    """What to say of a share that stays: first of its snapshots, with which it cannot go."""
    snapshots = _ask(work, lambda cloud: cloud.share_snapshots(share.id))
    said = [
        f'snapshot {one_line(one.name, 255)} ({one.id}) of the share {share.id} stays. When '
        f'nobody needs it: openstack share snapshot delete {one.id}'
        for one in snapshots
    ]
    said.append(
        f'share {one_line(share.name, 255)} ({share.id}) stays: shares of claims are kept '
        f'here. When nobody needs it: openstack share delete {share.id}'
    )
    return said


def _situation(work: Work) -> Situation | None:
    """The situation of a bay whose workload may ask the cloud for something."""
    situation = work.situation()
    return situation if situation.baymodel.coe == _COE else None


def _owner(situation: Situation) -> Owner:
    bay = situation.bay
    return Owner(
        project_id=bay.project_id or '',
        name=bay.name or '',
        unique_names=frozenset({bay.uuid, stack_name(bay.name or '', bay.uuid)}),
    )


def _placed(work: Work, situation: Situation, owner: Owner) -> Owner:
    """The owner, with its networks and servers, as its stacks have them.

    Its networks are remembered: they count when the stacks are gone, too.
    """
    stacks = dict.fromkeys([situation.bay.stack_id, *(g.stack_id for g in situation.nodegroups)])
    there: dict[str, set[str]] = {_SERVER: set(), _PORT: set(), _NET: set()}
    for stack_id in filter(None, stacks):
        for resource in existing_resources(work, stack_id):
            if resource.type in there and resource.physical_id:
                there[resource.type].add(resource.physical_id)
    networks = there[_NET] | {one for asked in _earlier(work) for one in asked.networks}
    if not networks and there[_PORT]:
        port = _ask(work, lambda cloud: cloud.port(min(there[_PORT])))
        networks = {port.network_id} if port else set()
    with work.fenced() as (_, operation):
        asked = Removing.of(operation)
        operation.parameters = dataclasses.replace(asked, networks=tuple(sorted(networks))).stored()
    return dataclasses.replace(
        owner, own_networks=frozenset(there[_NET]), networks=frozenset(networks),
        server_ids=frozenset(there[_SERVER]),
    )


def _earlier(work: Work) -> list[Removing]:
    """What this and earlier operations saw of the bay when they removed its stack."""
    with work.tools.database.reading() as session:
        found = operations.parameters_of(
            session, work.claim.bay_uuid, (states.CREATE, states.DELETE)
        )
    return [asked for asked in found if isinstance(asked, Removing)]


def _volumes(work: Work, owner: Owner) -> list[Volume]:
    """The volumes that bear one of the cluster's names."""
    return _marked(work, owner, 'volumes')


def _snapshots(work: Work, owner: Owner) -> list[Snapshot]:
    """The snapshots that bear one of the cluster's names."""
    return _marked(work, owner, 'marked_snapshots')


def _marked(work: Work, owner: Owner, what: str) -> list[Any]:
    """What of Cinder bears one of the cluster's names.

    :param what: the client's method that lists such things.
    """
    found: dict[str, Any] = {}
    for name in sorted(owner.names):
        ask = operator.methodcaller(what, owner.project_id, bay_resources.CLUSTER_KEY, name)
        found |= {one.id: one for one in _allowed(work, ask, VOLUMES) or ()}
    return list(found.values())


def _has(work: Work, service: str) -> bool:
    return work.tools.resources.service().has(service)


def _takes_volumes(work: Work) -> bool:
    return work.tools.conf.cinder.delete_claim_volumes and _has(work, VOLUMES)


def _ask(work: Work, call: Callable[[ProjectResources], T]) -> T:
    return first_allowed(work.resources_identities(), call)


def _allowed(
    work: Work, call: Callable[[ProjectResources], list[T]], service: str
) -> list[T] | None:
    """What a list says; None where nobody may see it.

    What nobody may look for stays: it must not keep the bay from being deleted.
    """
    try:
        return _ask(work, call)
    except CloudForbidden as refused:
        LOG.warning(
            'What the workload of bay %s left in %s cannot be seen: %s',
            work.claim.bay_uuid, service, refused,
        )
        return None


def _write(work: Work, kind: str, ids: Iterable[str] | Mapping[str, Any]) -> None:
    """Write things down that are to be removed."""
    if not ids:
        return
    with work.fenced() as (session, operation):
        for one in ids:
            ledger.note_found(session, operation.bay_uuid, operation.project_id, kind, one)


def _later(removing: Sequence[str]) -> TryLater:
    return TryLater(f'Being removed: {", ".join(removing)}', _DELAY, 'resource_in_use')
