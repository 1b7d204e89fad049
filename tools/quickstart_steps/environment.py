"""Magnum's own virtual environment."""

import hashlib
import shutil
import sys

from tools.common.place import CHECKOUT
from tools.devcloud import settings
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import run_logged

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
    # A half-built one is not worth mending.
    shutil.rmtree(layout.VENV, ignore_errors=True)
    run_logged([sys.executable, '-m', 'venv', layout.VENV], layout.LOG / 'venv.log')
    run_logged(
        [
            layout.VENV / 'bin/python',
            *('-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'),
            '--progress-bar=off',
            # The releases that the cloud has as well, and that we have tested.
            f'--constraint={_CONSTRAINTS}',
            # Editable: changes of the sources take effect without a new run of pip.
            f'--editable={CHECKOUT}',
        ],
        layout.LOG / 'pip.log',
    )
    _STAMP.write_text(key)
    return True


def _key() -> str:
    contents = b''.join(path.read_bytes() for path in _SOURCES)
    return f'{CHECKOUT} {sys.version_info[:2]} {hashlib.sha256(contents).hexdigest()}\n'
