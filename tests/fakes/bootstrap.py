"""The nodes' application, over parts that a test chooses."""

from typing import Any

import webob
from oslo_config import cfg

from magnum.api import routes
from magnum.api.bootstrap import application
from magnum.api.bootstrap.access import Parts


def make_app(conf: cfg.ConfigOpts, *parts: Any) -> Any:
    """The application; paths begin with ``routes.OF_NODES``.

    :param parts: what :class:`Parts` is made of.
    """
    return application.make(conf, routes.of_nodes(), Parts(conf, *parts))


def request(path: str, method: str = 'POST') -> webob.Request:
    """A request to what nodes are served at.

    :param path: below ``routes.OF_NODES``.
    """
    return webob.Request.blank(f'{routes.OF_NODES}{path}', method=method)
