"""Users of the cloud who show a bay their token of Keystone.

The bay's masters ask here whose it is, so that they need no way to Keystone. Who may be
what in the bay is what ``[x509] subject_rule`` lets the same roles have by certificates.
"""

import logging
import threading
from typing import Any, Final

import webob

from magnum.api import errors
from magnum.api.bootstrap.access import Parts, refused
from magnum.api.bootstrap.admission import later
from magnum.api.bootstrap.rate_limits import RateLimiter
from magnum.api.bootstrap.signed import SignedRequests
from magnum.certificates.subjects import CallerName
from magnum.clients.errors import CloudError
from magnum.clients.tokens import TokenUser
from magnum.db.repositories import bays, identities

LOG = logging.getLogger(__name__)

_TAG: Final = 'magnum/login'
#: Of the body: the only one.
_MEMBER: Final = 'token'
#: What names and groups in a bay begin with that Keystone has given. Those that Kubernetes
#: knows by itself begin otherwise.
_PREFIX: Final = 'keystone:'
_NOBODY: Final[dict[str, Any]] = {'user': None}


class LoginsController:
    """Tells masters who shows a token."""

    def __init__(self, parts: Parts):
        conf = parts.conf
        self._parts = parts
        # Whoever reaches a bay's API may send it anything: reports go on all the same.
        self._signed = SignedRequests(parts, RateLimiter(conf.nodes.logins_per_minute))
        # Other requests need threads while Keystone is slow.
        self._at_once = threading.BoundedSemaphore(max(1, conf.api.threads // 4))

    def review(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a registered master: whose a token is, and what he is in the bay."""
        node, document = self._signed.by_master(request, bay, _TAG, _MEMBER)
        token = document.get(_MEMBER)
        if not isinstance(token, str) or not token:
            raise errors.invalid(_MEMBER, '', 'The token of a user, a text, is needed.')
        with self._parts.reading() as session:
            row, baymodel = bays.with_baymodel(session, bay)
        if not self._parts.driver_for_bay(row, baymodel).takes_tokens(row.labels):
            raise refused()
        user = self._user_of(token, node.name)
        if user is None or user.project_id is None or user.project_id != row.project_id or (
            self._is_bays_own(user)
        ):
            LOG.info('%s: a token that bay %s was shown is none of its project', request_id, bay)
            return _NOBODY
        LOG.info('%s: user %s logs in to bay %s', request_id, user.user_id, bay)
        return {'user': self._in_bay(user)}

    def _user_of(self, token: str, node: str) -> TokenUser | None:
        """:raises APIError: Keystone does not answer, or not now."""
        if not self._at_once.acquire(blocking=False):
            raise later('Other tokens are being looked up.')
        try:
            return self._parts.tokens.user_of(token)
        except CloudError as error:
            LOG.error('A token that the master %s was shown cannot be looked up: %s', node, error)
            raise later('Keystone did not say whose the token is.') from error
        finally:
            self._at_once.release()

    def _is_bays_own(self, user: TokenUser) -> bool:
        """Whether a user is none of the cloud's, but what the nodes of a bay use it with.

        Nodes with the credential of their bay must not become the bay's administrators.
        """
        with self._parts.reading() as session:
            return identities.is_of_a_bay(session, user.user_id)

    def _in_bay(self, user: TokenUser) -> dict[str, Any]:
        groups = self._parts.certificates.groups(
            user.roles, CallerName(user.user_id, user.user_name)
        )
        return {
            # Names are unique in their domain, whose id has no slash.
            'name': f'{_PREFIX}{user.domain_id}/{user.user_name}',
            'uid': user.user_id,
            'groups': [*groups, *(f'{_PREFIX}{role.lower()}' for role in user.roles)],
        }
