"""The URL at which nodes find the service."""

from typing import Final

from oslo_config import cfg
from oslo_log import log as logging

from magnum.clients.errors import CloudError
from magnum.clients.sessions import Sessions

LOG = logging.getLogger(__name__)

SERVICE_TYPE: Final = 'container-infra'


def url(conf: cfg.ConfigOpts, sessions: Sessions) -> str | None:
    """The URL that is put into the user data of nodes.

    :returns: None when it is neither configured nor in the catalogue.
    :raises CloudError: Keystone refused, or did not answer.
    """
    configured: str | None = conf.bootstrap.endpoint
    if configured:
        return configured.rstrip('/')
    ours = sessions.endpoint(SERVICE_TYPE)
    return None if ours is None else f'{ours.rstrip("/")}/bootstrap'


def warning(conf: cfg.ConfigOpts, sessions: Sessions) -> str | None:
    """What is wrong with the URL; None when nothing is, or nobody can tell now."""
    try:
        found = url(conf, sessions)
    except CloudError as error:
        LOG.debug('The bootstrap endpoint cannot be looked up: %s', error)
        return None
    if found is None or found.startswith('https:'):
        return None
    return (
        f'Nodes ask for their certificates at {found}, without TLS: whoever is on the way reads '
        'their bootstrap tokens and may take their place. Use https: set [bootstrap] endpoint, or '
        f'the public endpoint of {SERVICE_TYPE} in the catalogue.'
    )
