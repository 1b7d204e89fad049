"""Admission of nodes: who may have which certificate.

A token alone says little: whoever may look into the project's Heat can read
it while nodes are built. So a certificate is given to a node that

1. the token's operation is to build: its name and role are in the plan;
2. exists: Nova has a server of that name, in the bay's project, made by the
   bay's own Keystone user, whose password nobody else has. A server that a
   member of the project makes by hand under this name is the member's. Nova
   is the proof, and not Heat, because a stack tells what is wanted and can be
   updated by any member of the project, while the owner of a server cannot be
   chosen;
3. shows the key that was shown first. A second key for the same purpose of
   the same server means that one of the two is no node of the bay.

The cloud is asked once in the life of a node, and never for somebody without
a good token or key.
"""

import dataclasses
import datetime
import enum
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import cachetools
from oslo_db import exception as db_exc
from oslo_log import log as logging
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.certificates.service import CertificateService
from magnum.clients.errors import CloudError
from magnum.clients.servers import Server, Servers
from magnum.db import models
from magnum.db.repositories import (
    bays,
    events,
    identities,
    locking,
    nodegroups,
    nodes,
    pending,
    tokens,
    transitions,
)
from magnum.domain import machine, states
from magnum.domain.failures import NODE_IDENTITY_CONFLICT, Failure
from magnum.domain.node_certificates import NodeAddresses
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER, Driver
from magnum.operations.building import nodes_built

LOG = logging.getLogger(__name__)

#: How far the clocks of Nova and of the database may be apart.
_CLOCKS_APART: Final = datetime.timedelta(minutes=5)
#: Of look-ups, per bay and process: how many may go on at once, and how many
#: may find nothing within a minute. A process bounds those of all bays, too.
_AT_ONCE: Final = 8
_IN_VAIN: Final = 10
_BAYS: Final = 10_000
_SOON: Final = '5'  # seconds


@dataclasses.dataclass(frozen=True)
class Applicant:
    """Who asks for a certificate, by a token or by a key."""

    bay: models.Bay
    role: str
    name: str
    driver: Driver


@dataclasses.dataclass(frozen=True)
class Confirmed:
    """What the cloud has of a node."""

    server: Server
    addresses: NodeAddresses


class Standing(enum.Enum):
    """What is to be done with an applicant."""

    ADMITTED = 'may have the certificate'
    UNKNOWN = 'the cloud has to be asked'
    CONFLICT = 'another key was shown before'


class Cloud:
    """Confirms nodes by the cloud, and bounds what that costs."""

    def __init__(self, servers: Servers, at_once: int):
        """:param at_once: look-ups under way, of all bays; each holds a thread."""
        self._servers = servers
        self._at_once = at_once
        self._lock = threading.Lock()
        self._under_way: set[tuple[str, str]] = set()
        self._in_vain: cachetools.TTLCache[str, int] = cachetools.TTLCache(_BAYS, ttl=60)

    def confirm(
        self, applicant: Applicant, owner: str | None, is_living: bool = False
    ) -> Confirmed:
        """What the cloud has of an applicant with a good token or key.

        Outside of any transaction.

        :param owner: id of the bay's own Keystone user.
        :param is_living: it has shown a good key.
        :raises APIError: no such server is the bay's, or not now.
        """
        bay, name = applicant.bay, applicant.name
        self._check_in_vain(bay.uuid)
        with self._bounded(bay.uuid, name):
            try:
                found = self._servers.named(name, bay.project_id or '')
                server = _of_bay(found, owner, is_living)
                if server is None:
                    self._count_in_vain(bay.uuid)
                    raise refused(name)
                return Confirmed(server, NodeAddresses(server.addresses, self._api(applicant)))
            except CloudError as error:
                LOG.error('The node %s of bay %s cannot be confirmed: %s', name, bay.uuid, error)
                raise later('The cloud did not confirm the node.') from error

    def output(self, bay: models.Bay, driver: Driver, name: str) -> Any:
        """What the bay's stack says to others, for one of its nodes; None if nothing yet.

        :param name: of the node.
        :raises APIError: not now.
        """
        with self._bounded(bay.uuid, name):
            try:
                return self._output(bay, driver)
            except CloudError as error:
                LOG.error('The stack of bay %s does not answer: %s', bay.uuid, error)
                raise later("Heat did not say what the bay's stack has.") from error

    def _output(self, bay: models.Bay, driver: Driver) -> Any:
        if bay.stack_id is None:
            return None
        return self._servers.stack_output(
            stack_name(bay.name, bay.uuid), bay.stack_id, driver.api_output
        )

    def _api(self, applicant: Applicant) -> tuple[str, ...]:
        """The API's addresses, for a master."""
        bay, driver = applicant.bay, applicant.driver
        if applicant.role != MASTER:
            return ()
        balanced: tuple[str, ...] = ()
        if bay.master_lb_enabled:
            balanced = driver.api_addresses({driver.api_output: self._output(bay, driver)})
            if not balanced:
                raise later('The address of the load balancer is not known yet.')
        return (*driver.service_addresses(bay.labels), *balanced)

    @contextmanager
    def _bounded(self, bay_uuid: str, name: str) -> Iterator[None]:
        key = bay_uuid, name
        with self._lock:
            of_bay = sum(uuid == bay_uuid for uuid, _ in self._under_way)
            if key in self._under_way or of_bay >= _AT_ONCE:
                raise later('Nodes of the bay are being confirmed.')
            if len(self._under_way) >= self._at_once:
                raise later('Nodes of other bays are being confirmed.')
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

    def _check_in_vain(self, bay_uuid: str) -> None:
        with self._lock:
            if self._in_vain.get(bay_uuid, 0) >= _IN_VAIN:
                raise errors.APIError(
                    errors.bootstrap.TOO_MANY, 'Too many nodes were not confirmed.',
                    {'Retry-After': '60'},
                )

    def _count_in_vain(self, bay_uuid: str) -> None:
        with self._lock:
            self._in_vain[bay_uuid] = self._in_vain.get(bay_uuid, 0) + 1


def owner_of_servers(session: Session, bay_uuid: str) -> str | None:
    """Id of the Keystone user that makes the servers of a bay."""
    return identities.user_id(session, bay_uuid)


def is_to_be_built(
    session: Session, applicant: Applicant, operation: models.Operation
) -> bool:
    """Whether an operation, that of the token, builds a node of this role and name."""
    bay = applicant.bay
    # One that has failed may have armed its tokens again, when it was resumed.
    if (
        operation.bay_uuid != bay.uuid or operation.active_for is None
        or operation.found_failure is not None
    ):
        return False
    waiting, groups = pending.of_bay_beside(
        session, bay.uuid, lambda: nodegroups.load_all(session, bay.uuid)
    )
    counts = pending.counts_before(waiting)
    return any(
        built.role == applicant.role and built.include(applicant.driver, applicant.name)
        for built in nodes_built(operation, bay, groups, counts)
    )


def judge(
    session: Session,
    applicant: Applicant,
    operation: models.Operation,
    purpose: str,
    public_key: str,
    confirmed: Confirmed | None,
) -> tuple[Standing, NodeAddresses]:
    """What an applicant may have, in a writing transaction; it is bound to its key.

    :param public_key: fingerprint of the key of the signing request.
    :param confirmed: what the cloud has of it; None before it was asked.
    :returns: with ADMITTED, the addresses of the node.
    :raises APIError: the node is none that the operation builds.
    """
    which = session, applicant.bay.uuid, applicant.role, applicant.name
    node = nodes.find(*which, is_locked=True)
    if node is not None and node.operation_uuid == operation.uuid:
        known = node.public_keys.get(purpose)
        if known is None:
            nodes.bind(session, node, purpose, public_key)
        elif not nodes.has_shown(node.public_keys, purpose, public_key):
            return Standing.CONFLICT, NodeAddresses()
        return Standing.ADMITTED, nodes.addresses_of(node)
    if confirmed is None:
        return Standing.UNKNOWN, NodeAddresses()
    server = confirmed.server
    before = nodes.known_keys(*which)
    if node is not None:
        is_new = server.id != node.server_id
    else:
        is_new = not before or _is_made_by(operation, server)
    if not is_new:
        # The node lives: nobody is to take its name.
        if nodes.has_shown(before, purpose, public_key):
            raise refused(applicant.name)
        return Standing.CONFLICT, NodeAddresses()
    try:
        node = nodes.register(
            *which, operation.uuid, server.id, confirmed.addresses, {purpose: public_key}
        )
    except db_exc.DBDuplicateEntry:     # by another process, at the same moment
        raise later('The node is being registered.') from None
    return Standing.ADMITTED, nodes.addresses_of(node)


def living(
    session: Session, applicant: Applicant, is_expected: bool, confirmed: Confirmed | None
) -> NodeAddresses | None:
    """The addresses of a node that shows its key; None: the cloud has to be asked.

    One that an earlier release gave its certificates to is registered.

    :param is_expected: a rotation of the authority, whose list has no node that is
        gone, waits for it. Otherwise the cloud says whether the node is there.
    :raises APIError: its server is not the one that showed the key first.
    """
    which = session, applicant.bay.uuid, applicant.role, applicant.name
    node = nodes.find(*which, is_locked=True)
    if node is not None and is_expected:
        return nodes.addresses_of(node)
    if confirmed is None:
        return None
    if node is None:
        node = nodes.register(
            *which, None, confirmed.server.id, confirmed.addresses, nodes.keys_on_record(*which)
        )
    elif node.server_id != confirmed.server.id:
        raise refused(applicant.name)
    return nodes.addresses_of(node)


def record_conflict(
    session: Session,
    certificates: CertificateService,
    applicant: Applicant,
    operation_uuid: str,
) -> None:
    """Let the operation fail, because two keys were shown for one of its nodes.

    In a writing transaction of its own. Its tokens and both keys open nothing
    from now on, however the operation ends: it may be cancelled.
    """
    bays.hold(session, applicant.bay.uuid)
    operation = locking.lock_operation(session, operation_uuid)
    if operation.active_for is None or operation.found_failure is not None:
        return
    failure = Failure(NODE_IDENTITY_CONFLICT, _advice(operation.verb, applicant))
    transitions.write(operation, machine.REPORT, found_failure=failure.as_dict())
    tokens.disarm(session, operation.uuid)
    if operation.verb == states.CREATE:
        certificates.discard_authority(session, operation.bay_uuid)
    else:
        _forget_keys(session, applicant, operation)
    kind = f'bay.{operation.verb}.{NODE_IDENTITY_CONFLICT}'
    events.record(session, operation, kind, failure.sentence())
    LOG.warning('Operation %s (bay %s): %s', operation.uuid, operation.bay_uuid, failure.reason)


def _forget_keys(session: Session, applicant: Applicant, operation: models.Operation) -> None:
    """Let no key of a node that the operation built follow a rotation of the authority.

    Either key may be the stranger's. A living node keeps its own.
    """
    node = nodes.find(
        session, applicant.bay.uuid, applicant.role, applicant.name, is_locked=True
    )
    if node is not None and node.operation_uuid == operation.uuid:
        node.public_keys = {}


def refused(name: str) -> errors.APIError:
    """The answer to a good token with the name of no node that it is for."""
    return errors.APIError(
        errors.bootstrap.NODE_REFUSED, f'{name} is no node that is being built with this token.'
    )


def _of_bay(found: list[Server], owner: str | None, is_living: bool) -> Server | None:
    """The bay's server among those of one name, the newest first.

    :param is_living: its key and its stack have said already that the node is
        the bay's; its server may be of an earlier identity of the bay.
    """
    own = [server for server in found if owner and server.user_id == owner]
    if not own and is_living and len(found) == 1:
        own = found
    return own[0] if own else None


def _is_made_by(operation: models.Operation, server: Server) -> bool:
    """Whether the server was made since a worker began the operation: it may have waited long."""
    made = datetime.datetime.fromisoformat(server.created)
    return made >= (operation.started_at or operation.created_at) - _CLOCKS_APART


def _advice(verb: str, applicant: Applicant) -> str:
    met = f'Two keys were shown for the {applicant.role} {applicant.name}.'
    if verb == states.CREATE:
        return (
            f'{met} Somebody else has the token of the bay. The certificate authority was '
            'thrown away: find out who reads Heat in the project, then retry or delete the bay.'
        )
    return (
        f'{met} Somebody else has the token of the operation. Find out who reads Heat in the '
        'project, remove the node by a resize that names it, repeat the operation, and rotate '
        'the certificate authority of the bay.'
    )


def later(detail: str) -> errors.APIError:
    """The answer to a node that is to ask again, as the cloud does not say yet."""
    return errors.APIError(errors.service.CLOUD_UNAVAILABLE, detail, {'Retry-After': _SOON})
