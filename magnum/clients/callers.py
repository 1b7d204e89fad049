"""Look-ups in the cloud with the token of a request's caller.

The caller's token is all there is to it: its catalogue says where services
are, and what it does not open stays closed. The plugin of keystonemiddleware
sends the service's own token beside it, which tells other services that a
request is passed on: they ask for no access rules then.
"""

from typing import Any, Final

from keystoneauth1 import adapter, session
from keystoneauth1.exceptions.catalog import EndpointNotFound
from oslo_config import cfg

from magnum.clients.errors import calling
from magnum.clients.sessions import QuietSession

#: The least version of a service's API that is spoken; what it offers decides.
#: Of others the catalogue's address is used as it is: Heat's has its version.
_VERSIONS: Final = {'image': '2', 'network': '2', 'block-storage': '3'}


class CallerClouds:
    """Makes connections with callers' tokens; one per process, safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts):
        options = conf.openstack_client
        self._options: dict[str, Any] = {
            'timeout': conf.api.lookup_timeout,
            'verify': False if options.insecure else (options.cafile or True),
            'user_agent': 'magnum-api',
            # What versions the endpoints speak, once for all callers.
            'discovery_cache': {},
        }
        self._region_name: str | None = options.region_name
        self._interface: str = options.interface
        # Its pool of HTTP connections is that of all callers.
        self._shared = QuietSession(**self._options)

    def connect(self, auth: Any) -> 'CallerCloud':
        """The cloud as one caller; it is asked nothing before it is used.

        :param auth: keystoneauth plugin of the caller's token.
        """
        own = QuietSession(auth=auth, session=self._shared.session, **self._options)
        return CallerCloud(own, self._region_name, self._interface)


class CallerCloud:
    """The cloud's services as one caller sees them."""

    def __init__(self, own: session.Session, region_name: str | None, interface: str):
        self.session = own
        self.region_name = region_name
        self.interface = interface

    def has(self, service: str) -> bool:
        """Whether the catalogue has a service of this type.

        :raises CloudError: Keystone refused, or did not answer.
        """
        with calling('identity', 'catalogue'):
            try:
                url = self.session.get_endpoint(
                    service_type=service, region_name=self.region_name, interface=self.interface
                )
            except EndpointNotFound:
                return False
        return url is not None

    def get(self, service: str, action: str, path: str, **query: Any) -> Any:
        """The document of a path; errors in our own words.

        :param service: service type of the catalogue.
        :param action: names the call for failpoints.
        :raises CloudError: the service refused, or did not answer.
        """
        version = _VERSIONS.get(service)
        api = adapter.Adapter(
            self.session,
            service_type=service,
            region_name=self.region_name,
            interface=self.interface,
            min_version=version,
            max_version=version and f'{version}.latest',
        )
        with calling(service, action):
            return api.get(path, params=query).json()
