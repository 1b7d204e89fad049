"""Magnum's own virtual environment."""

import hashlib
import sys

from tools.common import environments
from tools.common.command import say
from tools.common.place import CHECKOUT
from tools.devcloud import settings
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import clean_environment

_STAMP = layout.VENV / 'installed'  # there when it is complete
_CONSTRAINTS = settings.SOURCE / 'constraints.txt'
#: What decides about the content of the environment.
_SOURCES = (
    *(CHECKOUT / name for name in ('requirements.txt', 'setup.cfg', 'pyproject.toml')),
    _CONSTRAINTS,
)


def install() -> bool:
    """Make the environment unless it is there as it should be.

    :returns: whether something had to be done.
    """
    key = _key()
    if _STAMP.exists() and _STAMP.read_text() == key:
        return False
    log = layout.LOG / 'install.log'
    # A half-built one is not worth mending.
    environments.make(layout.VENV, sys.executable, log)
    environments.install(
        layout.VENV,
        [
            # The releases that the cloud has as well, and that we have tested.
            f'--constraint={_CONSTRAINTS}',
            # Editable: changes of the sources take effect without a new installation.
            f'--editable={CHECKOUT}',
        ],
        log,
        clean_environment(),
        waiting=lambda seconds: say(f'   {seconds:.0f} s so far'),
    )
    _STAMP.write_text(key)
    return True


def _key() -> str:
    contents = b''.join(path.read_bytes() for path in _SOURCES)
    return f'{CHECKOUT} {sys.version_info[:2]} {hashlib.sha256(contents).hexdigest()}\n'
