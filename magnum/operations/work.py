"""One claimed operation in a worker's hands, and the tools for it."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.certificates.service import CertificateService
from magnum.clients.application_credentials import (
    ApplicationCredentials,
    ApplicationCredentialsClients,
)
from magnum.clients.errors import Unauthenticated
from magnum.clients.heat import HeatClient, HeatClients
from magnum.clients.keystone import KeystoneClient
from magnum.clients.project_resources import ProjectResources, ProjectResourcesClients
from magnum.clients.sessions import Sessions
from magnum.db import models
from magnum.db.engine import Database
from magnum.db.repositories import bays, identities, nodegroups, operations, pending
from magnum.domain import rounds, states
from magnum.domain.failures import Failure
from magnum.domain.parameters import Parameters
from magnum.drivers.contract import Driver
from magnum.drivers.registry import DriverNotFound, Registry
from magnum.operations import passwords
from magnum.operations.claims import Claim, Claims, LeaseLost
from magnum.operations.outcomes import Cancelled, DeadlinePassed, Handover, StepFailed

LOG = logging.getLogger(__name__)

C = TypeVar('C', covariant=True)


class _Clients(Protocol[C]):
    """Clients of a service, as a bay's identity."""

    def user(self, user_id: str, password: str, project_id: str) -> C: ...



@dataclasses.dataclass
class Tools:
    """What steps work with; one per process."""

    conf: cfg.ConfigOpts
    database: Database
    sessions: Sessions
    keystone: KeystoneClient
    application_credentials: ApplicationCredentialsClients
    heat: HeatClients
    resources: ProjectResourcesClients
    sealer: Sealer
    certificates: CertificateService
    drivers: Registry

    @classmethod
    def make(cls, conf: cfg.ConfigOpts, database: Database) -> 'Tools':
        """Tools for the real cloud of the configuration."""
        sessions = Sessions(conf)
        sealer = Sealer.from_config(conf)
        return cls(
            conf=conf,
            database=database,
            sessions=sessions,
            keystone=KeystoneClient(conf, sessions),
            application_credentials=ApplicationCredentialsClients(conf, sessions),
            heat=HeatClients(conf, sessions),
            resources=ProjectResourcesClients(conf, sessions),
            sealer=sealer,
            certificates=CertificateService(conf, sealer),
            drivers=Registry.from_conf(conf),
        )


@dataclasses.dataclass(frozen=True)
class Situation:
    """The rows an operation is about, as they are now; read only.

    What waits for its turn after it is not in them yet.

    A delete that is resumed near its end may find the bay's row gone.
    """

    operation: models.Operation
    bay: models.Bay
    baymodel: models.Baymodel
    nodegroups: Sequence[models.Nodegroup]

    @property
    def nodegroup(self) -> models.Nodegroup:
        """The node group that the operation, or its round, is about.

        :raises StepFailed: it is gone.
        """
        uuid = rounds.nodegroup_uuid(Parameters.of(self.operation))
        for nodegroup in self.nodegroups:
            if nodegroup.uuid == uuid:
                return nodegroup
        raise StepFailed(Failure('internal', f'the node group {uuid} is gone'))

    @property
    def is_about_bays_stack(self) -> bool:
        """Whether it is the bay's own stack that is made or changed."""
        uuid = rounds.nodegroup_uuid(Parameters.of(self.operation))
        return uuid is None or self.nodegroup.is_default

    @property
    def stack_id(self) -> str | None:
        """The stack that is changed."""
        return self.bay.stack_id if self.is_about_bays_stack else self.nodegroup.stack_id


class Work:
    """A claimed operation: reads rows, writes them under its fence."""

    def __init__(self, tools: Tools, claims: Claims, claim: Claim):
        self.tools = tools
        self.claim = claim
        self._claims = claims

    @contextlib.contextmanager
    def writing(self) -> Iterator[orm.Session]:
        """A transaction that checks the fence first.

        :raises LeaseLost: somebody else works on the operation now.
        """
        with self._claims.writing(self.claim) as session:
            yield session

    @contextlib.contextmanager
    def fenced(self) -> Iterator[tuple[orm.Session, models.Operation]]:
        """As ``writing``, with the operation's row."""
        with self._claims.fenced(self.claim) as found:
            yield found

    @contextlib.contextmanager
    def changing_bay(self) -> Iterator[tuple[orm.Session, models.Operation]]:
        """As ``fenced``, for what writes the bay or its events, or ends the operation."""
        with self._claims.fenced(self.claim, with_bay=True) as found:
            yield found

    @contextlib.contextmanager
    def going_on(self) -> Iterator[orm.Session]:
        """As ``writing``, if there is nothing against going on; lengthens the lease.

        Every step begins with it, so that a call to the cloud begins with a
        lease longer than the call may take.

        :raises LeaseLost: somebody else works on the operation now.
        :raises Cancelled: a delete pre-empted it.
        :raises DeadlinePassed: nothing new is begun any more.
        :raises Handover: this process is to end; another one goes on at once.
        """
        if self._claims.stopping.is_set():
            raise Handover
        with self._claims.renewed(self.claim) as (session, standing):
            if standing.is_cancelled:
                raise Cancelled(self.claim.operation_uuid)
            # After the stack: what Heat has to say is better than "too late".
            if standing.is_overdue and self.claim.phase == states.START:
                raise DeadlinePassed(self.claim.operation_uuid)
            yield session

    def operation(self) -> models.Operation:
        """The operation's row as it is now."""
        with self.tools.database.reading() as session:
            found = operations.load(session, self.claim.operation_uuid)
        if found is None:
            raise LeaseLost(self.claim.operation_uuid)
        return found

    def situation(self) -> Situation:
        """Everything that the operation is about."""
        with self.tools.database.reading() as session:
            operation = operations.load(session, self.claim.operation_uuid)
            bay, baymodel = bays.with_baymodel(session, self.claim.bay_uuid)
            waiting, groups = pending.of_bay_beside(
                session, bay.uuid, lambda: nodegroups.load_all(session, bay.uuid)
            )
        if operation is None:
            raise LeaseLost(self.claim.operation_uuid)
        return Situation(operation, bay, baymodel, pending.without(waiting, groups))

    def driver(self, situation: Situation) -> Driver:
        """The driver that the bay was created with.

        :raises StepFailed: it is not installed here.
        """
        try:
            return self.tools.drivers.by_name(situation.bay.driver or '')
        except DriverNotFound as missing:
            raise StepFailed(Failure('plan_refused', str(missing))) from missing

    def heat_as_bay(self) -> HeatClient | None:
        """Heat as the bay's own identity; None for a bay that has none to use.

        :raises SealingError: the bay has one, and its password cannot be opened.
        """
        known = self._as_bay(self.tools.heat, is_needed=True)
        if len(known) > 1:      # a rotation did not come to its end
            for heat in known:
                with contextlib.suppress(Unauthenticated):
                    heat.authenticate()
                    return heat
        return known[0] if known else None

    def heat_identities(self) -> Iterator[HeatClient]:
        """Heat as the bay, then as the service: for looking and for removing.

        The bay's identity may have been touched by hand, or be gone.
        """
        yield from self._as_bay(self.tools.heat)
        yield self.tools.heat.service()

    def resources_identities(self, service_first: bool = False) -> Iterator[ProjectResources]:
        """The project's other resources as the bay, then as the service.

        :param service_first: to look at what other projects may have made.
        """
        if service_first:
            yield self.tools.resources.service()
        yield from self._as_bay(self.tools.resources)
        if not service_first:
            yield self.tools.resources.service()

    def own_credentials(self) -> ApplicationCredentials | None:
        """The application credentials of the bay's own user, as that user.

        None for a bay that has no identity to use.

        :raises SealingError: the bay has one, and its password cannot be opened.
        """
        known = self._as_bay(self.tools.application_credentials, is_needed=True)
        return known[0] if known else None

    def credentials_identities(self, user_id: str) -> Iterator[ApplicationCredentials]:
        """The same as the bay, then as the service: for removing."""
        yield from self._as_bay(self.tools.application_credentials)
        yield self.tools.application_credentials.service(user_id)

    def _as_bay(self, clients: _Clients[C], is_needed: bool = False) -> list[C]:
        """Clients as the bay, with each of its passwords, the newest first.

        :param is_needed: let a password that cannot be opened be an error.
        """
        with self.tools.database.reading() as session:
            identity = identities.load(session, self.claim.bay_uuid)
        if identity is None or identity.user_id is None:
            return []
        try:
            known = passwords.unseal(
                self.tools.sealer, identity.bay_uuid, identity.sealed_password
            )
        except SealingError as error:
            if is_needed:
                raise
            LOG.error('The identity of bay %s cannot be used: %s', self.claim.bay_uuid, error)
            return []
        return [
            clients.user(identity.user_id, password, identity.project_id or '')
            for password in reversed(known)
        ]
