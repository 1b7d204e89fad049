"""Who asks: a node that shows the token of its operation, or a key of its own.

Whoever has no good token or key learns nothing: whatever is wrong with it or
with the bay, the answer is the same.
"""

import contextlib
import dataclasses
import re
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar

import orjson
import sqlalchemy as sa
import webob
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.api.bootstrap.admission import Applicant, Cloud, Confirmed, Standing
from magnum.api.bootstrap.rate_limits import RateLimiter, too_many
from magnum.api.services import Services, Wakes
from magnum.certificates.service import CertificateService
from magnum.clients.servers import Servers
from magnum.clients.tokens import Tokens
from magnum.db import models
from magnum.db.repositories import bays, operations
from magnum.domain import uuids
from magnum.drivers.contract import Driver

TOKEN_HEADER: Final = 'X-Bootstrap-Token'  # noqa: S105 - a name, not a token
#: Longest body that is JSON, in bytes.
LONGEST: Final = 64 * 1024
#: What a node may be called.
NODE_NAME: Final = '[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?'
_UUID: Final = re.compile(uuids.CANONICAL)
_NODE_NAME: Final = re.compile(NODE_NAME)
# Asked of the database in place of what is no uuid, so that both take as long.
_NO_BAY: Final = str(uuid.UUID(int=0))

#: PEM, or a document.
Given = TypeVar('Given', str, dict[str, Any])
SessionFactory = Callable[[], contextlib.AbstractContextManager[Session]]
ConnectionFactory = Callable[[], contextlib.AbstractContextManager[sa.Connection]]
DriverForBay = Callable[[models.Bay, models.Baymodel], Driver]


@dataclasses.dataclass(frozen=True)
class Node:
    """Who shows a good token, or a good key; a token names its operation."""

    bay: models.Bay
    role: str
    operation_uuid: str | None = None


class Parts:
    """What the handlers of nodes' routes work with; one per process.

    :param writing: gives a session in a transaction, which it commits at the
        end and rolls back on an error.
    :param reading: gives a session that nothing is written with.
    :param at_once: gives a connection on which each statement is a transaction.
    :param servers: asked about nodes that come for the first time.
    :param wake_up: told when there is something for a conductor.
    :param tokens: asked about tokens that users show their bays.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        writing: SessionFactory,
        reading: SessionFactory,
        at_once: ConnectionFactory,
        certificates: CertificateService,
        driver_for_bay: DriverForBay,
        servers: Servers,
        wake_up: Wakes,
        tokens: Tokens,
    ):
        self.conf = conf
        self.writing = writing
        self.reading = reading
        self.at_once = at_once
        self.certificates = certificates
        # Other requests need threads while Nova is slow.
        self.cloud = Cloud(servers, max(1, conf.api.threads // 2))
        self.wake_up = wake_up
        self.tokens = tokens
        #: What each node that signs may send, of every kind.
        self.per_node = RateLimiter(conf.nodes.requests_per_minute)
        self.driver_for_bay = driver_for_bay
        self._per_bay = RateLimiter(conf.bootstrap.requests_per_minute)

    @classmethod
    def of(cls, services: Services) -> 'Parts':
        """Those of the services of this process."""
        drivers = services.drivers

        def driver_for_bay(bay: models.Bay, baymodel: models.Baymodel) -> Driver:
            if bay.driver:
                return drivers.by_name(bay.driver)
            return drivers.choose(baymodel.server_type, baymodel.cluster_distro, baymodel.coe)

        return cls(
            services.conf, services.database.writing, services.database.reading,
            services.database.at_once, services.certificates, driver_for_bay,
            Servers(services.conf), services.wake_up, Tokens(services.conf),
        )

    def by_token(
        self, session: Session, bay_uuid: str, request: webob.Request, is_counted: bool = True
    ) -> Node:
        """The node that shows a token.

        :param is_counted: of the bay's requests.
        :raises APIError: bootstrap.REFUSED, whatever the reason.
        """
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        token = request.headers.get(TOKEN_HEADER, '')
        shown = self.certificates.tokens.verify(session, known_form, token)
        if shown is None:
            return self._node(session, known_form, None, None, is_counted)
        return self._node(session, known_form, shown.role, shown.operation_uuid, is_counted)

    def by_key(
        self,
        session: Session,
        bay_uuid: str,
        name: str,
        purpose: str,
        csr: str,
        is_counted: bool = True,
    ) -> Node:
        """The node whose key a signing request was made with.

        :raises APIError: bootstrap.REFUSED.
        :raises InvalidCSR: the signing request is none.
        """
        known_form = bay_uuid if _UUID.fullmatch(bay_uuid) else _NO_BAY
        role = self.certificates.role_of_node(session, known_form, name, purpose, csr)
        return self._node(session, known_form, role, None, is_counted)

    def applicant(self, session: Session, node: Node, name: str) -> Applicant:
        """The node, by the name that it gives itself."""
        driver = self.driver_for_bay(*bays.with_baymodel(session, node.bay.uuid))
        return Applicant(node.bay, node.role, name, driver)

    def admit(
        self,
        request: webob.Request,
        bay_uuid: str,
        attempt: Callable[
            [Session, Applicant, models.Operation, Confirmed | None], Given | Standing
        ],
    ) -> Given:
        """What a node is given that an operation builds; its first key counts.

        :param attempt: gives it, or says why not, in a writing transaction; it is called
            again in another one with what the cloud has of the node, if that is needed.
        :raises APIError: the node may not have it, or not now.
        """
        confirmed = None
        while True:
            with self.writing() as session:
                node = self.by_token(session, bay_uuid, request, is_counted=confirmed is None)
                operation = operations.load(session, node.operation_uuid)
                if operation is None:
                    raise refused()
                applicant = self.applicant(session, node, node_name(request))
                if not admission.is_to_be_built(session, applicant, operation):
                    raise admission.refused(applicant.name)
                given = attempt(session, applicant, operation, confirmed)
                if not isinstance(given, Standing):
                    return given
                owner = admission.owner_of_servers(session, applicant.bay.uuid)
            if given is Standing.CONFLICT:
                raise self._conflict(applicant, operation.uuid)
            confirmed = self.cloud.confirm(applicant, owner)

    def _conflict(self, applicant: Applicant, operation_uuid: str) -> errors.APIError:
        """The answer to a second key of a node; the operation that builds it fails."""
        with self.writing() as session:
            admission.record_conflict(session, self.certificates, applicant, operation_uuid)
        self.wake_up.send()
        return errors.APIError(
            errors.bootstrap.IDENTITY_CONFLICT,
            f'Another key was shown for {applicant.name} before.',
        )

    def _node(
        self,
        session: Session,
        bay_uuid: str,
        role: str | None,
        operation_uuid: str | None,
        is_counted: bool,
    ) -> Node:
        bay = bays.load(session, bay_uuid)
        if role is None or bay is None:
            raise refused()
        if is_counted:
            # Only now: a stranger must not use up a bay's share.
            limit(self._per_bay, bay.uuid)
        return Node(bay, role, operation_uuid)


def limit(limiter: RateLimiter, key: str) -> None:
    """Count a request.

    :raises APIError: bootstrap.TOO_MANY, saying when to come again.
    """
    seconds = limiter.seconds_to_wait(key)
    if seconds:
        raise too_many(seconds)


def argument(request: webob.Request, name: str) -> str:
    """An argument of the URL; empty when it is missing or no text."""
    try:
        return str(request.GET.get(name, ''))
    except UnicodeDecodeError:
        return ''


def node_name(request: webob.Request) -> str:
    """The name of the node that asks.

    :raises APIError: bootstrap.INVALID_NODE.
    """
    name = argument(request, 'node')
    if not _NODE_NAME.fullmatch(name):
        raise errors.APIError(
            errors.bootstrap.INVALID_NODE,
            'The argument "node" is the name of the node: at most 253 lower-case letters, '
            'digits, dots and hyphens, letters or digits at both ends.',
        )
    return name


def body(request: webob.Request, longest: int) -> bytes:
    """The body of a request.

    :raises APIError: 413, it is longer.
    """
    found: bytes = request.body_file.read(longest + 1)
    if len(found) > longest:
        raise errors.APIError(
            errors.requests.TOO_LARGE, f'The body is longer than {longest} bytes.'
        )
    return found


def json_of(text: bytes) -> dict[str, Any]:
    """The object that a body is.

    :raises APIError: requests.BAD_REQUEST.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise errors.APIError(errors.requests.BAD_REQUEST, 'The body is no JSON object.')
    return document


def refused() -> errors.APIError:
    """The answer to who has no good token or key."""
    return errors.APIError(
        errors.bootstrap.REFUSED, 'The bootstrap token or key opens nothing here.'
    )
