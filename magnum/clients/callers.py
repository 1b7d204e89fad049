"""Looking things up in the cloud as the caller of a request.

The caller's token is all there is to it: its catalogue says where services
are, and what it does not open stays closed.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from keystoneauth1 import session
from openstack import connection, exceptions
from oslo_config import cfg

from magnum.clients.errors import CloudUnavailable, calling


class CallerClouds:
    """Makes connections with callers' tokens; one per process, safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts):
        options = conf.openstack_client
        self._options: dict[str, Any] = {
            'timeout': conf.api.lookup_timeout,
            'verify': False if options.insecure else (options.cafile or True),
            'user_agent': 'magnum-api',
        }
        self.region_name: str | None = options.region_name
        self.interface: str = options.interface
        # One pool of HTTP connections and one memory of what versions the
        # endpoints speak, for all callers.
        self.shared = session.Session(**self._options)

    def connect(self, auth: Any) -> connection.Connection:
        """openstacksdk for one caller; it asks nothing before it is used.

        :param auth: keystoneauth plugin of the caller's token.
        """
        own = session.Session(auth=auth, session=self.shared.session, **self._options)
        own._discovery_cache = self.shared._discovery_cache
        return connection.Connection(
            session=own,
            region_name=self.region_name,
            interface=self.interface,
            # Faults are the caller's to hear of now, not after retries.
            network_status_code_retries=0,
        )


@contextlib.contextmanager
def asking(service: str, action: str) -> Iterator[None]:
    """Around every look-up: errors in our own words.

    :raises CloudError: openstacksdk's errors that tell of no answer included,
        as when it cannot find out what a service speaks.
    """
    with calling(service, action):
        try:
            yield
        except exceptions.HttpException:
            raise
        except exceptions.SDKException as error:
            raise CloudUnavailable(service, str(error)) from error
