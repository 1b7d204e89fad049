"""Keystone sessions: the service's own, and those of bays' identities."""

import threading
from functools import cached_property
from typing import Any, Final

import cachetools
import requests
from keystoneauth1 import adapter, loading, session
from keystoneauth1.identity import v3
from keystoneauth1.plugin import BaseAuthPlugin
from oslo_config import cfg

from magnum.clients.errors import calling
from magnum.conf import openstack_client

#: Of how many bays' identities the sessions, and with them the tokens, are kept.
_KEPT: Final = 64


class QuietSession(session.Session):
    """A session that logs neither requests nor answers, at whatever level.

    They hold what Heat and Nova are given for nodes: tokens in parameters and
    user data, signed URLs. Calls are logged by :func:`magnum.clients.errors.calling`.
    """

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """See the base class."""
        kwargs['log'] = False
        return super().request(*args, **kwargs)


class Sessions:
    """Makes sessions; one per process, safe for threads.

    All sessions share connections, and timeouts and TLS settings of
    ``[openstack_client]``.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        openstack_client.register_service_account(conf)
        self._conf = conf
        options = conf.openstack_client
        self._session_options: dict[str, Any] = {
            'timeout': options.timeout,
            'verify': False if options.insecure else (options.cafile or True),
            'user_agent': 'magnum',
        }
        self.region_name: str | None = options.region_name
        self.interface: str = options.interface
        self._users: cachetools.LRUCache[tuple[str, ...], session.Session]
        self._users = cachetools.LRUCache(_KEPT)
        self._lock = threading.Lock()

    @cached_property
    def service(self) -> session.Session:
        """The session of ``[keystone_auth]``."""
        auth = loading.load_auth_from_conf_options(
            self._conf, openstack_client.SERVICE_ACCOUNT
        )
        return QuietSession(auth=auth, **self._session_options)

    def as_user(self, user_id: str, password: str, project_id: str) -> session.Session:
        """A session of a user known by id, scoped to a project.

        The one that was made last for the same user, as long as it is kept:
        every new one costs Keystone the hash of a password.
        """
        key = user_id, password, project_id
        with self._lock:
            found = self._users.get(key)
            if found is None:
                found = self._users[key] = self._as_user(user_id, password, project_id)
        return found

    def as_credential(self, credential_id: str, secret: str) -> session.Session:
        """A session of an application credential; it is not kept."""
        return self._session(v3.ApplicationCredential(
            auth_url=self._auth_url,
            application_credential_id=credential_id,
            application_credential_secret=secret,
        ))

    def forget(self, user_id: str) -> None:
        """Drop the session of a user whose tokens were revoked."""
        with self._lock:
            for key in [key for key in self._users if key[0] == user_id]:
                del self._users[key]

    def _as_user(self, user_id: str, password: str, project_id: str) -> session.Session:
        return self._session(v3.Password(
            auth_url=self._auth_url,
            user_id=user_id,
            password=password,
            project_id=project_id,
        ))

    def _session(self, auth: BaseAuthPlugin) -> session.Session:
        return QuietSession(
            auth=auth, session=self.service.session, **self._session_options
        )

    @property
    def _auth_url(self) -> str:
        url: str = self._conf[openstack_client.SERVICE_ACCOUNT].auth_url
        return url

    def api(
        self,
        service_type: str,
        version: str | None = None,
        user: session.Session | None = None,
    ) -> adapter.Adapter:
        """The API of a service of the cloud, where this installation reaches it.

        :param version: the major one; None: what the catalogue's address speaks.
        :param user: None: the service account.
        """
        return adapter.Adapter(
            user or self.service,
            service_type=service_type,
            interface=self.interface,
            region_name=self.region_name,
            min_version=version,
            max_version=version and f'{version}.latest',
        )

    def endpoint(self, service_type: str, interface: str = 'public') -> str | None:
        """The URL of a service in the service account's catalogue."""
        with calling('identity', 'catalogue'):
            url: str | None = self.service.get_endpoint(
                service_type=service_type, interface=interface, region_name=self.region_name
            )
        return url
