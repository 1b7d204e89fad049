"""A host on which devstack would run the plugin: directories, settings, programs."""

import configparser
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import sysconfig

from tools.common import environments

HERE = pathlib.Path(__file__).parent
CHECKOUT = HERE.parents[1]
_PATIENCE = 300.0  # seconds for one run of stack.sh

#: Of the installation of Magnum's client, which is for the plugin to install.
_MAGNUM_CLIENT = ('magnumclient', 'python_magnumclient')


class Devstack:
    """Runs stack.sh, unstack.sh and clean.sh with a ``local.conf``.

    :param directory: all that devstack spreads over the machine is below it.
    :param environment: variables that devstack's libraries would have set.
    """

    def __init__(self, directory: pathlib.Path, environment: dict[str, str]):
        self.directory = directory
        self.dest = directory / 'opt'
        self.venv = directory / 'venv'
        self.etc = directory / 'etc' / 'magnum'
        self.logs = directory / 'logs'
        self.horizon = self.dest / 'horizon'
        self._environment = {
            'TOP_DIR': str(directory),
            'DEST': str(self.dest),
            'DATA_DIR': str(directory / 'data'),
            'FILES': str(directory / 'files'),
            'LOGDIR': str(self.logs),
            'SERVICE_DIR': str(directory / 'status'),
            'REQUIREMENTS_DIR': str(directory),
            'DEVSTACK_VENV': str(self.venv),
            'STACK_USER': str(os.getuid()),
            'HARNESS_PYTHON': sys.executable,
            'ENABLED_SERVICES': 'keystone,mysql,rabbit,g-api,n-api,neutron',
            'DATABASE_BACKENDS': 'mysql',
            'API_WORKERS': '1',
            'SERVICE_HOST': '127.0.0.1',
            'SERVICE_LISTEN_ADDRESS': '127.0.0.1',
            'SERVICE_PROTOCOL': 'http',
            'SERVICE_TIMEOUT': '60',
            'SERVICE_PASSWORD': 'secret',
            'SERVICE_DOMAIN_NAME': 'Default',
            'SERVICE_PROJECT_NAME': 'service',
            'ENABLE_DEBUG_LOG_LEVEL': 'True',
            'GIT_BASE': 'https://opendev.org',
            'KEYSTONE_CONF': str(directory / 'keystone.conf'),
            'SSL_BUNDLE_FILE': str(directory / 'ca-bundle.pem'),
            'DEVSTACK_CERT': str(directory / 'devstack-cert.pem'),
            'TEMPEST_CONFIG': str(directory / 'tempest.conf'),
            'HORIZON_DIR': str(self.horizon),
            'MAGNUM_CONF_DIR': str(self.etc),
            'DEVSTACK_PLUGINS': '',
            'DISABLED_SERVICES': '',
            **environment,
        }

    # What there is before stack.sh -------------------------------------------
    def link_plugins(self) -> None:
        """What enable_plugin would clone: Heat's, reduced, and this checkout."""
        for name, target in (('heat/devstack', HERE / 'heat'), ('magnum', CHECKOUT)):
            link = self.dest / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)

    def clone_magnum(self) -> None:
        """A clone of this checkout in place of the link, for what pip writes there.

        What is not committed is to be tried, too.
        """
        clone = self.dest / 'magnum'
        clone.unlink()
        _run('git', 'clone', '--quiet', '--shared', CHECKOUT, clone)
        git = ('git', '-C', CHECKOUT)
        changed = _run(*git, 'diff', '--name-only', '--diff-filter=d', 'HEAD')
        new = _run(*git, 'ls-files', '--others', '--exclude-standard')
        for name in (changed + new).splitlines():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, clone / name)

    def make_venv(self, constraints: str, client: pathlib.Path) -> None:
        """devstack's environment, with what it installs before Magnum.

        :param constraints: of the packages that plugins install.
        :param client: an environment with OpenStackClient and Magnum's plugin of
            it; all of it but the plugin is there from the beginning.
        """
        _run(sys.executable, '-m', 'venv', self.venv)
        (self.directory / 'upper-constraints.txt').write_text(constraints)
        (packages,) = self.venv.glob('lib/python3.*/site-packages')
        clients = self.directory / 'clients'
        clients.mkdir()
        (theirs,) = client.glob('lib/python3.*/site-packages')
        for path in theirs.iterdir():
            if not path.name.startswith((*_MAGNUM_CLIENT, 'pip', 'setuptools')):
                (clients / path.name).symlink_to(path)
        # Of Horizon no more than pip and the plugin look at.
        (self.horizon / 'openstack_dashboard/local/enabled').mkdir(parents=True)
        horizon = packages / 'horizon-26.0.0.dist-info'
        horizon.mkdir()
        (horizon / 'METADATA').write_text('Metadata-Version: 2.1\nName: horizon\nVersion: 26.0.0\n')
        (packages / 'harness.pth').write_text(f'{sysconfig.get_path("purelib")}\n{clients}\n')
        openstack = self.venv / 'bin/openstack'
        openstack.write_text(
            f'#!/bin/sh\nexec {self.venv}/bin/python -W ignore -m openstackclient.shell "$@"\n'
        )
        openstack.chmod(0o755)

    def write_local_conf(self, *plugins: str, localrc: str = '', more: str = '') -> None:
        """The configuration of a user of devstack.

        :param plugins: those enabled, in this order.
        :param localrc: further lines of its section ``[[local|localrc]]``.
        :param more: further sections.
        """
        enabled = ''.join(f'enable_plugin {name} https://example.org/{name}\n' for name in plugins)
        (self.directory / 'local.conf').write_text(
            f'[[local|localrc]]\n{enabled}{localrc}\n{more}\n'
        )

    def write_certificate(self) -> None:
        """Of the TLS proxy, signed by itself, and the bundle that has it."""
        certificate = self.directory / 'devstack-cert.pem'
        _run(
            'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
            '-nodes', '-days', '2', '-subj', '/CN=devstack', '-addext',
            'subjectAltName=IP:127.0.0.1', '-keyout', certificate, '-out', f'{certificate}.crt',
        )
        public = pathlib.Path(f'{certificate}.crt').read_text()
        certificate.write_text(certificate.read_text() + public)
        (self.directory / 'ca-bundle.pem').write_text(public)

    # Runs -----------------------------------------------------------------------
    def run(self, mode: str, *phases: str, check: bool = True) -> str:
        """One of stack, unstack and clean; what it printed.

        :param phases: of stack; all when left out.
        :param check: whether it has to succeed; it has to fail otherwise.
        """
        lines = [f'{name}={shlex.quote(value)}\n' for name, value in self._environment.items()]
        (self.directory / 'environment').write_text('set -a\n' + ''.join(lines) + 'set +a\n')
        done = subprocess.run(
            [HERE / 'stack.sh', mode, *phases], capture_output=True, text=True, timeout=_PATIENCE,
            env={
                'TOP_DIR': str(self.directory),
                'HOME': str(self.directory),
                'PATH': f'{self.venv}/bin:{os.environ["PATH"]}',
                'LANG': 'C.UTF-8',
                'OS_CLIENT_CONFIG_FILE': str(self.directory / 'clouds.yaml'),
                # uWSGI is compiled once on a machine.
                'MAGNUM_TOOLS_DIR': str(environments.TOOLS),
                **{k: v for k, v in os.environ.items() if k.startswith(('PIP_', 'UV_', 'XDG_'))},
            },
        )
        printed = done.stdout + done.stderr
        assert (done.returncode == 0) == check, printed[-6000:]
        return printed

    def kill_processes(self) -> None:
        """End what a failed run has left."""
        for file in (self.directory / 'status').glob('*.pid'):
            subprocess.run(['pkill', '-KILL', '-s', file.read_text().strip()], check=False)

    def read(self, path: pathlib.Path) -> dict[str, dict[str, str]]:
        """The sections of a configuration file."""
        parser = configparser.RawConfigParser(strict=True, default_section='')
        parser.read_string(path.read_text())
        return {name: dict(parser[name]) for name in parser.sections()}


def _run(*command: str | pathlib.Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f'{command}: {done.stdout}{done.stderr}'
    return done.stdout
