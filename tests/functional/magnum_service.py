"""Magnum's own processes, as operators run them, for one test session."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import requests

from tools.devcloud import settings

_BIN = pathlib.Path(sys.executable).parent
#: The port that the catalogue names, unless a Magnum runs there by hand.
PORT = int(os.environ.get('MAGNUM_FUNCTIONAL_PORT') or settings.MAGNUM_PORT)
URL = f'http://{settings.IP}:{PORT}/v1'

_CONFIGURATION = """
[DEFAULT]
host = {host}
debug = true
state_path = {directory}
transport_url = {bus}
[api]
port = {port}
workers = 1
[database]
connection = {database}
[bootstrap]
endpoint = {url}/bootstrap
trust_interval = {trust_interval}
[nodes]
report_interval = 5
[conductor]
poll_interval = 1
watch_interval = 2
lease = 15
retry_interval = 2
heat_notifications_transport_url = {heat_bus}
[identity]
cloud_credential_check = 5

[openstack_client]
region_name = {region}
timeout = 14
[cinder]
delete_claim_volumes = true
[certificates]
encryption_keys = {key}
[drivers]
{drivers}
[quotas]
max_clusters_per_project = 1000
[keystone_auth]
auth_type = password
{account}
[keystone_authtoken]
auth_type = password
www_authenticate_uri = {keystone}
memcached_servers = {memcached}
{account}
"""


class Process:
    """One console script with its configuration and its log."""

    def __init__(self, script: str, directory: pathlib.Path, name: str, **options: str):
        self.log = directory / f'{name}.log'
        self._config = directory / f'{name}.conf'
        self._config.write_text(_configuration(directory, name, **options))
        self._script = script
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, failpoint: str | None = None, options: str = '') -> None:
        """Start it, unless it runs.

        :param options: further ones, as a file of configuration has them.
        """
        if self.process and self.process.poll() is None:
            return
        command = [str(_BIN / self._script), '--config-file', str(self._config)]
        if failpoint:
            options += f'[conductor]\nfailpoint = {failpoint}\n'
        if options:
            extra = self._config.with_suffix('.extra.conf')
            extra.write_text(options)
            command += ['--config-file', str(extra)]
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
            )

    def upgrade_database(self) -> None:
        subprocess.run(
            [str(_BIN / 'magnum-db-manage'), '--config-file', str(self._config), 'upgrade'],
            check=True, timeout=120, capture_output=True,
        )

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            self.kill()

    def died(self, within: float) -> bool:
        """Whether the process killed itself in time."""
        assert self.process
        try:
            return self.process.wait(within) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False


def wait_for_api(process: Process, seconds: float = 180, url: str = URL) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url.removesuffix('/v1'), timeout=5).status_code == 200:
                return
        assert process.process
        assert process.process.poll() is None, process.log.read_text()[-3000:]
        time.sleep(0.2)
    raise AssertionError(f'the API did not answer: {process.log.read_text()[-3000:]}')


@contextlib.contextmanager
def restarted(process: Process, options: str, url: str) -> Iterator[None]:
    """With further options, as a file of configuration has them, and then without."""
    _restart(process, options, url)
    try:
        yield
    finally:
        _restart(process, '', url)


def _restart(process: Process, options: str, url: str) -> None:
    process.stop()
    process.start(options=options)
    wait_for_api(process, url=url)


def _configuration(directory: pathlib.Path, name: str, **options: str) -> str:
    account = '\n'.join(
        f'{option} = {value}'
        for option, value in settings.service_options('magnum').items()
        if option not in ('auth_type', 'region_name')
    )
    values = {
        'host': name,
        'directory': str(directory),
        'bus': settings.rabbitmq_url(settings.MAGNUM_VHOST),
        'heat_bus': settings.rabbitmq_url(settings.CLOUD_VHOST),
        'port': str(PORT),
        'database': settings.mariadb_url('magnum_functional'),
        'url': URL,
        'region': settings.REGION,
        'key': settings.encryption_key(),
        'drivers': '',
        'trust_interval': '3',
        'account': account,
        'keystone': settings.KEYSTONE_URL,
        'memcached': settings.MEMCACHED,
    }
    return _CONFIGURATION.format(**{**values, **options})


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((settings.IP, port)) == 0


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in reversed(processes):
            process.stop()
