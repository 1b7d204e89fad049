"""Horizon's own virtual environment, and the static files of its pages."""

import hashlib
import pathlib
import shutil

from tools.common import processes
from tools.common.command import say
from tools.devcloud import environments
from tools.horizon_steps import layout

#: Releases that fit together: with Horizon 27 the panels of 19.0.0 cannot
#: create a cluster, with python-magnumclient 5 they cannot ask Magnum at all.
PACKAGES = (
    'horizon==26.0.0',
    'magnum-ui==19.0.0',
    'python-magnumclient==4.11.0',
    # Horizon's requirements import pkg_resources, which later ones lack.
    'setuptools<80',
)
_STAMP = layout.STATIC / 'collected'
_SETTINGS = layout.SITE / 'local/local_settings.py'
#: What makes the static files, in this order.
_COMMANDS = (('collectstatic', '--noinput', '--clear'), ('compress', '--force'))


def install() -> None:
    """Make the environment and the static files unless they are there as they should be."""
    environments.install(layout.VENV, list(PACKAGES), ' '.join(PACKAGES), 'Horizon')
    key = _key()
    if _STAMP.exists() and _STAMP.read_text() == key:
        return
    say('Horizon: style sheets and scripts of its pages')
    shutil.rmtree(layout.STATIC, ignore_errors=True)
    state = layout.ROOT / 'build'
    for command in _COMMANDS:
        processes.run_logged(
            django(*command), state / 'log' / f'{command[0]}.log', lines=15,
            env=variables(state, 0),
        )
    _STAMP.write_text(key)


def django(*arguments: str) -> list[str]:
    """A command of Horizon's Django."""
    return [str(layout.VENV / 'bin/python'), '-m', 'django', *arguments]


def variables(state: pathlib.Path, port: int) -> dict[str, str]:
    """The environment variables of a Horizon.

    :param state: the directory of its sessions and its key.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        **processes.inherited('OS_', 'PYTHON', 'VIRTUAL_ENV', 'DJANGO_', 'HORIZON_'),
        'DJANGO_SETTINGS_MODULE': 'openstack_dashboard.settings',
        'PYTHONPATH': str(layout.SITE),
        'PYTHONWARNINGS': 'ignore',
        'LC_ALL': 'C.UTF-8',
        'HORIZON_STATE': str(state),
        'HORIZON_STATIC': str(layout.STATIC),
        'HORIZON_PORT': str(port),
    }


def _key() -> str:
    content = ' '.join(PACKAGES).encode() + _SETTINGS.read_bytes()
    return f'{hashlib.sha256(content).hexdigest()}\n'
