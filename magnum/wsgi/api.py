"""``application``: the API for any WSGI server.

Nothing starts when this module is imported: the application is made by the
first request, after whatever forks the server does.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

#: Environment variable that names configuration files, separated by ``;``.
CONFIG_FILES = 'OS_MAGNUM_CONFIG_FILES'


class _Application:
    """Makes the real application once, whichever thread comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._application: Callable[..., Iterable[bytes]] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self._application is None:
            with self._lock:
                if self._application is None:
                    self._application = make_application()
        return self._application(environ, start_response)


def make_application() -> Callable[..., Iterable[bytes]]:
    """The application, at once: for servers that load it after their forks."""
    from oslo_log import log as logging

    import magnum.native_threads  # noqa: F401 - before any other import
    from magnum import conf as magnum_conf
    from magnum.api import app

    files = [name for name in os.environ.get(CONFIG_FILES, '').split(';') if name]
    conf = magnum_conf.load(config_files=files or None, prog='magnum-api')
    if conf.log_dir and not conf.log_file:
        # oslo.log names it after the program, which is the WSGI server.
        conf.set_override('log_file', 'magnum-api.log')
    logging.setup(conf, magnum_conf.PROJECT)
    return app.make_default_application(conf)


application = _Application()
"""The WSGI callable."""
