"""Keystone's application credentials of a user, and what one of them opens."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from keystoneauth1 import adapter
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity.base import BaseIdentityPlugin
from oslo_config import cfg
from oslo_log import log as logging

from magnum.clients.errors import CloudConflict, CloudNotFound, Unauthenticated, calling
from magnum.clients.sessions import Sessions

LOG = logging.getLogger(__name__)

_IDENTITY: Final = 'identity'
_NETWORK: Final = 'network'
#: What is asked for with a credential is asked where its users are.
_PUBLIC: Final = 'public'
_METHOD: Final = '(?:GET|HEAD|POST|PUT|PATCH|DELETE)'
_RULE: Final = re.compile(rf'([a-z0-9-]{{1,64}}) ({_METHOD}(?:,{_METHOD})*) (/\S{{0,254}})')


class AccessRuleInvalid(Exception):
    """A line of ``[identity]cloud_access_rules`` is malformed."""

    def __init__(self, rule: str):
        super().__init__(
            f'[identity]cloud_access_rules: "{rule}" is not of the form '
            '"<service type> <method>[,<method>...] /<path>"'
        )


@dataclasses.dataclass(frozen=True)
class Access:
    """What whoever has a credential needs to know beside it.

    :ivar auth_url: of Keystone, its public endpoint.
    :ivar region: of the services; empty where the catalogue names none.
    :ivar external_network_id: of the network that was looked for, None if there is not one.
    """

    auth_url: str
    region: str
    external_network_id: str | None = None


class ApplicationCredentials:
    """Those of one user, as the user or as the service."""

    def __init__(
        self,
        session: keystone_session.Session,
        sessions: Sessions,
        user_id: str,
    ):
        self._session = session
        self._path = f'/users/{user_id}/application_credentials'
        self._api = sessions.api(_IDENTITY, '3', session)

    def roles(self) -> frozenset[str]:
        """Names of the roles that the user holds on its project."""
        with calling(_IDENTITY, 'issue_token'):
            return frozenset(_access(self._session).role_names)

    def make(
        self,
        name: str,
        secret: str,
        roles: Sequence[str],
        description: str,
        rules: Sequence[str] = (),
    ) -> str:
        """Make one, in place of one of that name, whose secret nobody may know.

        :param rules: access rules in the form of ``[identity]cloud_access_rules``; none: any.
        :returns: its id.
        """
        body: dict[str, Any] = {
            'name': name,
            'secret': secret,
            'description': description,
            'roles': [{'name': role} for role in roles],
            # It makes no further credentials and no trusts.
            'unrestricted': False,
        }
        if rules:
            body['access_rules'] = access_rules(rules)
        try:
            return self._create(body)
        except CloudConflict:
            known = self.find(name)
            if known is None:
                raise
            self.delete(known)
            return self._create(body)

    def find(self, name: str) -> str | None:
        """Id of the one of that name; a user that is gone has none."""
        try:
            with calling(_IDENTITY, 'find_application_credential'):
                found = self._api.get(self._path, params={'name': name}).json()
        except CloudNotFound:
            return None
        return next(
            (str(one['id']) for one in found['application_credentials'] if one['name'] == name),
            None,
        )

    def delete(self, credential_id: str) -> None:
        """Delete one; one that is gone is fine."""
        try:
            with calling(_IDENTITY, 'delete_application_credential'):
                self._api.delete(f'{self._path}/{credential_id}')
        except CloudNotFound:
            return

    def _create(self, body: dict[str, Any]) -> str:
        with calling(_IDENTITY, 'create_application_credential'):
            # Not logged, whatever the level: the body holds a secret.
            created = self._api.post(
                self._path, json={'application_credential': body}, log=False
            ).json()
        return str(created['application_credential']['id'])


class ApplicationCredentialsClients:
    """Makes them; one per process."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions):
        """:raises AccessRuleInvalid: ``[identity]cloud_access_rules`` is malformed."""
        # Malformed ones are refused when the process starts, not by the first bay.
        access_rules(conf.identity.cloud_access_rules)
        self._sessions = sessions

    def user(self, user_id: str, password: str, project_id: str) -> ApplicationCredentials:
        """As the user, who alone may make some."""
        session = self._sessions.as_user(user_id, password, project_id)
        return self._of(session, user_id)

    def service(self, user_id: str) -> ApplicationCredentials:
        """As the service, who may look at a user's and delete them."""
        return self._of(self._sessions.service, user_id)

    def access(
        self,
        credential_id: str,
        secret: str,
        external_network: str | None,
        rules: Sequence[str] = (),
    ) -> Access:
        """Use a credential, as its users will.

        :param external_network: name or id of a network to look for.
        :param rules: its access rules. Where these open nothing of networks, none is looked for.
        :raises Unauthenticated: the cloud does not accept it.
        """
        session = self._sessions.as_credential(credential_id, secret)
        with calling(_IDENTITY, 'use_application_credential'):
            catalogue = _access(session).service_catalog
            where = {'interface': _PUBLIC, 'region_name': self._sessions.region_name}
            auth_url = str(catalogue.url_for(service_type=_IDENTITY, **where))
            network = catalogue.endpoint_data_for(service_type=_NETWORK, **where)
        if rules and not any(rule.startswith(f'{_NETWORK} ') for rule in rules):
            return Access(auth_url, network.region_name or '')
        # Not by the public endpoint: what it may not do is the same everywhere.
        api = self._sessions.api(_NETWORK, '2', session)
        try:
            return Access(
                auth_url, network.region_name or '', _external_network(api, external_network)
            )
        except Unauthenticated as error:
            raise Unauthenticated(
                _NETWORK,
                'a new application credential is not accepted: services take one with '
                '[identity]cloud_access_rules only where their '
                f'[keystone_authtoken]service_type is set ({error.reason})',
                error.status,
            ) from error

    def is_accepted(self, credential_id: str, secret: str) -> bool:
        """Whether Keystone gives a token for a credential."""
        session = self._sessions.as_credential(credential_id, secret)
        try:
            with calling(_IDENTITY, 'check_application_credential'):
                _access(session)
        except (CloudNotFound, Unauthenticated) as error:   # 404: it was deleted
            LOG.info('The application credential %s is refused: %s', credential_id, error)
            return False
        return True

    def _of(self, session: keystone_session.Session, user_id: str) -> ApplicationCredentials:
        return ApplicationCredentials(session, self._sessions, user_id)


def _access(session: keystone_session.Session) -> Any:
    """What the token of a session says."""
    return cast(BaseIdentityPlugin, session.auth).get_access(session)


def access_rules(rules: Iterable[str]) -> list[dict[str, str]]:
    """Access rules as Keystone takes them: one for each method.

    :raises AccessRuleInvalid: one of them is malformed.
    """
    found = []
    for rule in filter(None, rules):
        match = _RULE.fullmatch(rule)
        if match is None:
            raise AccessRuleInvalid(rule)
        service, methods, path = match.groups()
        found += [
            {'service': service, 'method': method, 'path': path} for method in methods.split(',')
        ]
    return found


def _external_network(api: adapter.Adapter, ident: str | None) -> str | None:
    """Id of the only external network of an id or else of a name."""
    queries: list[dict[str, Any]] = [
        {attribute: ident, 'router:external': True} for attribute in ('id', 'name')
    ]
    for query in queries if ident else [{'limit': 1}]:
        with calling(_NETWORK, 'list_networks'):
            found = api.get('/networks', params={**query, 'fields': 'id'}).json()['networks']
        if found and ident:
            return str(found[0]['id']) if len(found) == 1 else None
    return None
