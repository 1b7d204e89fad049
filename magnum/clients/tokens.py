"""Keystone, as the service's own account: whose a token is.

Asked by the API for bays whose users show their tokens to them.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from oslo_config import cfg

from magnum.clients.errors import CloudNotFound, calling
from magnum.clients.sessions import Sessions

#: What tokens of Keystone are made of, whatever their kind: those of Fernet are shorter than
#: 256 characters, those of JWS are of about 1,000. Front ends refuse headers that are longer.
_FORM: Final = re.compile(r'[A-Za-z0-9._=-]{1,2048}')


@dataclasses.dataclass(frozen=True)
class TokenUser:
    """Who a token is of, and where: ``project_id`` is None for one of no project."""

    user_id: str
    user_name: str
    domain_id: str
    project_id: str | None
    roles: tuple[str, ...]

    @classmethod
    def of(cls, token: Mapping[str, Any]) -> 'TokenUser':
        """The one of a token as Keystone describes it."""
        user = token['user']
        return cls(
            user['id'], user['name'], user['domain']['id'],
            token.get('project', {}).get('id'),
            tuple(role['name'] for role in token.get('roles', ())),
        )


class Tokens:
    """Look-ups with the service's token; made once per process, asks nothing before."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions | None = None):
        self._sessions = sessions or Sessions(conf)
        self._timeout: int = conf.api.lookup_timeout

    def user_of(self, token: str) -> TokenUser | None:
        """The user of a token; None: it is not valid, or bound by access rules.

        :raises CloudError: Keystone refused to tell, or did not answer.
        """
        if not _FORM.fullmatch(token):
            return None
        api = self._sessions.api('identity', '3')
        try:
            with calling('identity', 'validate_token'):
                # Without the header that a service sends which knows access rules, Keystone
                # finds no token that has some. Not logged: the header is a secret.
                shown = api.get(
                    '/auth/tokens', params={'nocatalog': '1'}, headers={'X-Subject-Token': token},
                    timeout=self._timeout, log=False,
                ).json()
        except CloudNotFound:
            return None
        return TokenUser.of(shown['token'])
