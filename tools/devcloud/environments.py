"""The virtual environments: the cloud's own and those of Magnum's clients."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Collection

from tools.common import environments
from tools.common.command import say
from tools.common.errors import ToolError
from tools.devcloud import settings

OLDEST_PYTHON = (3, 11)
STAMP = 'installed'  # in an environment that is complete: version, contents
_CONSTRAINTS = settings.SOURCE / 'constraints.txt'
_REQUIREMENTS = settings.SOURCE / 'requirements.txt'

# directory: (packages, the command that proves that the client starts)
CLIENTS = {
    # Up to 3.7.0 they import pkg_resources, which setuptools 80 and later lack.
    'magnumclient-2.0.0': (
        ['python-magnumclient==2.0.0', 'setuptools<80'],
        ['magnum', '--version'],
    ),
    'magnumclient-2.17.0': (
        ['python-magnumclient==2.17.0', 'setuptools<80'],
        ['magnum', '--version'],
    ),
    'magnumclient-3.7.0': (
        ['python-magnumclient==3.7.0', 'setuptools<80'],
        ['magnum', '--version'],
    ),
    'magnumclient-5.0.0': (
        [
            *('python-magnumclient==5.0.0', 'python-openstackclient'),
            # Ours, as it is in this checkout.
            f'--editable={settings.CHECKOUT / "clients/osc-magnum"}',
        ],
        ['openstack', '--version'],
    ),
    'openstacksdk-4.22.0': (
        ['openstacksdk==4.22.0'],
        ['python', '-c', 'import openstack.version as sdk; print(sdk.__version__)'],
    ),
}


def python() -> str:
    """The interpreter the environments are made with."""
    chosen = os.environ.get('MAGNUM_PYTHON') or sys.executable
    path = shutil.which(chosen)
    if not path:
        raise ToolError(f'MAGNUM_PYTHON: there is no program {chosen}')
    return path


def _version(interpreter: str) -> str:
    result = subprocess.run(
        [interpreter, '-c', "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise ToolError(f'{interpreter} does not run: {result.stderr.strip()}')
    return result.stdout.strip()


def install_cloud() -> bool:
    """Build the cloud's environment unless it is there as it should be.

    :returns: whether something had to be done.
    """
    arguments = ['-c', str(_CONSTRAINTS), '-r', str(_REQUIREMENTS)]
    done = install(settings.VENV, arguments, _cloud_key(), 'OpenStack')
    _install_plugins()
    return done


def is_cloud_current() -> bool:
    """Whether the cloud's environment is there as it should be."""
    return _is_current(settings.VENV, _cloud_key())


def _cloud_key() -> str:
    content = _CONSTRAINTS.read_bytes() + _REQUIREMENTS.read_bytes()
    return hashlib.sha256(content).hexdigest()


def install_clients(names: Collection[str] = ()) -> None:
    """Build the clients' environments and check that the clients run.

    :param names: of some of ``CLIENTS``; all when empty.
    """
    unknown = sorted(set(names) - CLIENTS.keys())
    if unknown:
        raise ToolError(
            f'there is no client {", ".join(unknown)}; there are {", ".join(CLIENTS)}'
        )
    for name in names or CLIENTS:
        packages, proof = CLIENTS[name]
        directory = settings.CLIENTS / name
        if not install(directory, packages, ' '.join(packages), name):
            say(f'{name}: there already')
        result = subprocess.run(
            [directory / 'bin' / proof[0], *proof[1:]], capture_output=True, text=True
        )
        if result.returncode:
            raise ToolError(f'{" ".join(proof)} of {name} fails: {result.stderr}')
        version = (result.stdout + result.stderr).strip().splitlines()[-1]
        say(f'{name}: {" ".join(proof)} says {version}')


def install(directory: pathlib.Path, arguments: list[str], key: str, what: str) -> bool:
    """Make one environment and install packages in it; False if it was there.

    :param arguments: of ``pip install``.
    :param key: says what is installed: with another one it is made anew.
    :param what: the reader's name for it.
    """
    if _is_current(directory, key):
        return False
    interpreter = python()
    version = _version(interpreter)
    if tuple(map(int, version.split('.')[:2])) < OLDEST_PYTHON:
        raise ToolError(
            'Python {}.{} or newer is needed, {} is {}; set MAGNUM_PYTHON'.format(
                *OLDEST_PYTHON, interpreter, version
            )
        )
    began = time.monotonic()
    say(f'{what}: new environment with Python {version} in {directory}')
    log = settings.PROCESSES.log(f'install-{directory.name}')
    # A half-built one, or one of another interpreter, is not worth mending.
    environments.make(directory, interpreter, log)
    environments.install(
        directory, arguments, log,
        waiting=lambda seconds: say(f'{what}: {seconds:.0f} s so far'),
    )
    (directory / STAMP).write_text(f'{version} {key}\n')
    say(f'{what}: installed in {time.monotonic() - began:.0f} s')
    return True


def _is_current(directory: pathlib.Path, key: str) -> bool:
    """Whether an environment has what it should, made by the right Python.

    Any supported Python will do, unless one is asked for by MAGNUM_PYTHON.
    """
    stamp = directory / STAMP
    if not stamp.exists() or not (directory / 'bin/python').exists():
        return False
    version, _, installed = stamp.read_text().strip().partition(' ')
    if 'MAGNUM_PYTHON' in os.environ and version != _version(python()):
        return False
    return installed == key


def _install_plugins() -> None:
    """Put our plugins where the services find them."""
    (site,) = settings.VENV.glob('lib/python3.*/site-packages')
    # Nova loads drivers from its own package only.
    link = site / 'nova/virt/devcloud.py'
    link.unlink(missing_ok=True)
    link.symlink_to(settings.PLUGINS / 'devcloud_nova.py')
    # Neutron finds ML2 drivers by the entry points of installed distributions.
    metadata = site / 'devcloud_ml2-1.0.dist-info'
    metadata.mkdir(exist_ok=True)
    (metadata / 'METADATA').write_text('Metadata-Version: 2.1\nName: devcloud_ml2\nVersion: 1.0\n')
    (metadata / 'entry_points.txt').write_text(
        '[neutron.ml2.mechanism_drivers]\n'
        'bind_anything = devcloud_ml2:BindAnythingMechanismDriver\n'
    )
