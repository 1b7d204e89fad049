"""A running service to attack: magnum-api as its own process, over real HTTP.

The database is real, and so are the drivers. Keystone, Glance, Nova and
Neutron are the stateful fixture ``tests.api.fixtures.cloud`` over HTTP, which
the API process calls. The conductor's work is done in the test's own process,
step by step, against Heat in memory (``tests.fakes.cloud``): so a test decides
at which point of an operation the attack comes.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import requests
import sqlalchemy as sa
from oslo_config import cfg

import magnum.conf
from magnum.db import migration, models
from magnum.db.engine import Database
from magnum.drivers.registry import Registry
from tests import databases
from tests.api.fixtures.cloud import Cloud
from tests.api.fixtures.service import CONFIGURATION, ENCRYPTION_KEY
from tests.fakes.cloud import FakeCloud
from tests.operations.conftest import World, fake_tools
from tools.common import network

_API = pathlib.Path(sys.executable).with_name('magnum-api')
_START = 180  # seconds that the process may take to answer
_TIMEOUT = 30  # seconds, of one request

_OF_THE_PROCESS = """
[DEFAULT]
transport_url = fake://
[api]
host = 127.0.0.1
port = {port}
workers = 1
[bootstrap]
endpoint = {url}/v1/bootstrap
"""


class RunningService:
    """The process, its database and its cloud.

    :param options: of the configuration, as ``<section>__<option>``.
    :ivar url: where it answers, without ``/v1``.
    :ivar cloud: Keystone's tokens, Glance, Nova, Neutron; has the tokens
        ``admin``, ``member``, ``reader`` and ``other`` (of another project).
    :ivar world: the conductor's side, with Heat's stacks in ``world.cloud``.
    :ivar log: the file that the process writes its log to.
    """

    def __init__(self, directory: pathlib.Path, **options: Any):
        self.cloud = Cloud()
        self.port = network.find_free()
        self.url = f'http://127.0.0.1:{self.port}'
        self.log = directory / 'api.log'
        self._files = self._configure(directory, options)
        self.conf = magnum.conf.load(
            config_files=[str(file) for file in self._files], conf=cfg.ConfigOpts()
        )
        self.database = Database(self.conf)
        databases.empty(self.database)
        migration.stamp(self.database, 'head')      # the process looks for it
        self.world = _world(self.conf, self.database)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start all of it and wait until the API answers."""
        self.cloud.start()
        command = [str(_API), *(f'--config-file={file}' for file in self._files)]
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
            )
        end = time.monotonic() + _START
        while time.monotonic() < end:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(self.url, timeout=5).status_code == 200:
                    return
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.05)
        raise AssertionError(f'the API did not answer: {self.log.read_text()[-3000:]}')

    def stop(self) -> None:
        """Stop all of it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        self.database.close()
        self.cloud.stop()

    def ask(
        self, method: str, path: str, token: str | None = 'member', **more: Any
    ) -> requests.Response:
        """One request at the latest version.

        :param path: below ``/v1``.
        :param token: of ``cloud.tokens``; None sends none.
        :param more: as ``requests.request`` takes it.
        """
        headers = {'OpenStack-API-Version': 'container-infra latest', **more.pop('headers', {})}
        if token is not None:
            headers['X-Auth-Token'] = token
        return requests.request(
            method, f'{self.url}/v1{path}', headers=headers, timeout=_TIMEOUT, **more
        )

    def create_bay(self, name: str, coe: str = 'kubernetes', **values: Any) -> str:
        """Have a member ask for a bay; no conductor has begun with it.

        :returns: its uuid.
        """
        answer = self.ask('POST', '/clustertemplates', json={
            'name': f'{name}-model', 'coe': coe, 'image_id': 'debian',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
            'external_network_id': 'public', **values.pop('baymodel', {}),
        })
        assert answer.status_code == 201, answer.text
        answer = self.ask('POST', '/clusters', json={
            'name': name, 'cluster_template_id': answer.json()['uuid'], **values,
        })
        assert answer.status_code == 202, answer.text
        return str(answer.json()['uuid'])

    def operation(self, bay: str) -> models.Operation:
        """The bay's last operation, as it is now."""
        return self.world.operations(bay)[-1]

    def events(self, bay: str) -> list[str]:
        """The kinds of the bay's events, in order."""
        with self.database.reading() as session:
            return list(session.scalars(
                sa.select(models.Event.kind).filter_by(bay_uuid=bay).order_by(models.Event.id)
            ))

    def _configure(self, directory: pathlib.Path, options: dict[str, Any]) -> list[pathlib.Path]:
        common, own = directory / 'magnum.conf', directory / 'attacked.conf'
        common.write_text(CONFIGURATION.format(
            connection=databases.url(directory), key=ENCRYPTION_KEY,
            identity=f'{self.cloud.url}/identity', state=directory,
        ))
        text = _OF_THE_PROCESS.format(port=self.port, url=self.url)
        for option, value in options.items():
            section, _, name = option.partition('__')
            text += f'[{section}]\n{name} = {value}\n'
        own.write_text(text)
        return [common, own]


def _world(conf: cfg.ConfigOpts, database: Database) -> World:
    """A conductor's parts over the same database, with the real drivers."""
    cloud = FakeCloud()
    tools = fake_tools(conf, database, cloud, Registry.from_entry_points())
    return World(conf, database, cloud, tools)
