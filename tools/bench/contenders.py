"""The contenders: how each is started, what it calls things, what its tables hold."""

import dataclasses
import json
import os
import pathlib
import random
import subprocess
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pymysql

from tools.bench import cloud, settings
from tools.devcloud import settings as devcloud

IMAGES = {name: ident for name, (ident, _) in cloud.IMAGES.items()}
_USER = f'user-{settings.PROJECT}'
_CREATED = '2026-01-01 00:00:00'
_HEADERS = {
    'X-Auth-Token': settings.TOKEN,
    'Accept': 'application/json',
    'OpenStack-API-Version': 'container-infra latest',
}

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Seeded:
    """Uuids of what was put in; every bay has the stack at the same place."""

    templates: list[str]
    bays: list[str]
    stacks: list[str]

    @property
    def settled(self) -> Iterable[tuple[str, str]]:
        """(bay, its stack)."""
        return zip(self.bays, self.stacks, strict=True)


class Contender:
    """What is the same for all.

    ``environment`` is its virtual environment; ``templates`` and ``bays`` are
    the paths of its collections.
    """

    name: ClassVar[str]
    threads: ClassVar[int] = 1
    port: ClassVar[int]
    database: ClassVar[str]
    vhost: ClassVar[str]
    environment: ClassVar[pathlib.Path]
    configuration: ClassVar[pathlib.Path]
    templates: ClassVar[str] = '/v1/clustertemplates'
    bays: ClassVar[str] = '/v1/clusters'
    template_member: ClassVar[str] = 'cluster_template_id'
    image: ClassVar[str]
    distro: ClassVar[str]
    labels: ClassVar[Mapping[str, str]]
    #: Tables that hold bays and what belongs to them, in the order of their removal.
    tables: ClassVar[Sequence[str]]
    bay_table: ClassVar[str]
    template_table: ClassVar[str]
    #: Whether it can make bays at all; else only its reads are measured.
    writes: ClassVar[bool] = True

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        return dict(_HEADERS)

    def program(self, name: str) -> pathlib.Path:
        """A program of the virtual environment."""
        return self.environment / 'bin' / name

    def module(self) -> list[str]:
        """Where its WSGI application is, as uwsgi is told."""
        return ['--module', 'magnum.wsgi.api:application']

    def api_command(self) -> list[str]:
        """One process."""
        return [
            str(self.program('uwsgi')), '--http-socket', f'{settings.HOST}:{self.port}',
            '--master', '--processes', '1', '--threads', str(self.threads), '--enable-threads',
            '--lazy-apps', *self.module(), '--need-app',
            '--pyargv', f'--config-file {self.configuration}',
            '--virtualenv', str(self.environment), '--die-on-term', '--disable-logging',
            '--add-header', 'Connection: close', '--buffer-size', '65535', '--listen', '1024',
        ]

    def conductor_command(self) -> list[str]:
        """One process."""
        return [str(self.program('magnum-conductor')), '--config-file', str(self.configuration)]

    def process_environment(self) -> dict[str, str]:
        """Variables that its processes need beside the usual ones."""
        return {}

    def template_body(self) -> dict[str, Any]:
        """The body of a POST to ``templates``."""
        return {
            'name': 'bench', 'image_id': self.image, 'keypair_id': settings.KEYPAIR,
            'external_network_id': cloud.EXTERNAL_NETWORK, 'flavor_id': settings.FLAVOR,
            'master_flavor_id': settings.FLAVOR, 'dns_nameserver': '8.8.8.8',
            'coe': 'kubernetes', 'network_driver': 'flannel',
            'docker_storage_driver': 'overlay2', 'labels': dict(self.labels),
        }

    def bay_body(self, name: str, template: str) -> dict[str, Any]:
        """The body of a POST to ``bays``."""
        return {
            'name': name, self.template_member: template, 'node_count': 2, 'master_count': 1
        }

    def certificate_body(self, bay: str, csr: str) -> dict[str, Any]:
        """The body of a POST to ``/v1/certificates``."""
        return {'cluster_uuid': bay, 'csr': csr}

    def connect(self) -> Any:
        """Its database."""
        return pymysql.connect(
            host=devcloud.IP, port=devcloud.MARIADB_PORT, user=devcloud.DATABASE_USER,
            password=devcloud.PASSWORD, database=self.database, autocommit=True,
        )

    def wipe(self) -> None:
        """Forget all baymodels and bays."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute('SET FOREIGN_KEY_CHECKS = 0, lock_wait_timeout = 30')
            for table in self.tables:
                cursor.execute(f'TRUNCATE {table}')

    def statuses(self) -> dict[str, str]:
        """The status of every bay, by uuid."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f'SELECT uuid, status FROM {self.bay_table}')  # noqa: S608
            return dict(cursor.fetchall())

    def drop_requests(self) -> None:
        """Let nobody work on the bays that were asked for."""
        raise NotImplementedError

    def seed(self, templates: int, bays: int, batch: int = 7) -> 'Seeded':
        """Put in baymodels, and complete bays with one master and two nodes each.

        :param batch: another one for further rows.
        """
        seeded = _named(templates, bays, batch)
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute('START TRANSACTION')
            insert(cursor, self.template_table, (
                self._template_row(number, template)
                for number, template in enumerate(seeded.templates)
            ))
            insert(cursor, self.bay_table, (
                self._bay_row(number, bay, seeded.templates[number % templates], stack)
                for number, (bay, stack) in enumerate(seeded.settled)
            ))
            insert(cursor, 'nodegroup', (
                self._group_row(number, bay, stack, role, count)
                for number, (bay, stack) in enumerate(seeded.settled)
                for role, count in (('master', 1), ('worker', 2))
            ))
            cursor.execute('COMMIT')
            cursor.execute(f'ANALYZE TABLE {self.bay_table}, {self.template_table}, nodegroup')
        return seeded

    def _template_row(self, number: int, template: str) -> Row:
        return {
            'created_at': _CREATED, 'uuid': template, 'project_id': settings.PROJECT,
            'user_id': _USER, 'name': f'template-{number:05}', 'image_id': self.image,
            'flavor_id': settings.FLAVOR, 'master_flavor_id': settings.FLAVOR,
            'keypair_id': settings.KEYPAIR, 'external_network_id': cloud.EXTERNAL_NETWORK,
            'network_driver': 'flannel', 'dns_nameserver': '8.8.8.8', 'coe': 'kubernetes',
            'cluster_distro': self.distro, 'labels': json.dumps(self.labels),
            'server_type': 'vm', 'docker_storage_driver': 'overlay2', 'tls_disabled': 0,
            'public': 0, 'hidden': 0, 'registry_enabled': 0, 'master_lb_enabled': 0,
            'floating_ip_enabled': 1,
        }

    def _bay_row(self, number: int, bay: str, template: str, stack: str) -> Row:
        return {
            'created_at': _CREATED, 'uuid': bay, 'project_id': settings.PROJECT,
            'user_id': _USER, 'name': f'bay-{number:05}', 'keypair': settings.KEYPAIR,
            'labels': json.dumps(self.labels), 'flavor_id': settings.FLAVOR,
            'master_flavor_id': settings.FLAVOR, 'stack_id': stack,
            'api_address': 'https://192.0.2.1:6443', 'status': 'CREATE_COMPLETE',
            'health_status_reason': '{}', 'create_timeout': 60, 'floating_ip_enabled': 1,
            'master_lb_enabled': 0,
        }

    def _group_row(self, number: int, bay: str, stack: str, role: str, count: int) -> Row:
        addresses = [f'10.0.{number % 250}.{node + 2}' for node in range(count)]
        return {
            'created_at': _CREATED, 'uuid': str(uuid.uuid5(uuid.UUID(bay), role)),
            'name': f'default-{role}', 'project_id': settings.PROJECT, 'role': role,
            'labels': json.dumps(self.labels), 'flavor_id': settings.FLAVOR,
            'image_id': self.image, 'node_addresses': json.dumps(addresses),
            'node_count': count, 'min_node_count': 0, 'is_default': 1, 'stack_id': stack,
            'status': 'CREATE_COMPLETE',
        }


class Peer(Contender):
    """The well-known implementation, release 22.0.0."""

    name = 'peer'
    port = settings.PEER_PORT
    database = 'bench_peer'
    vhost = 'bench-peer'
    environment = settings.ROOT / 'peer'
    configuration = settings.ROOT / 'etc' / 'peer.conf'
    distro = 'fedora-coreos'
    image = IMAGES['fedora-coreos']
    labels = {'kube_tag': 'v1.28.9', 'etcd_volume_size': '0'}
    tables = ('nodegroup', 'cluster', 'cluster_template', 'x509keypair', 'quotas')
    bay_table = 'cluster'
    template_table = 'cluster_template'

    def drop_requests(self) -> None:
        """They wait in its queue."""
        command, environment = devcloud.rabbitmqctl()
        subprocess.run(
            [*command, 'purge_queue', '-p', self.vhost, 'magnum-conductor'],
            env={**os.environ, **environment}, capture_output=True,
        )

    def _bay_row(self, number: int, bay: str, template: str, stack: str) -> Row:
        return {
            **super()._bay_row(number, bay, template, stack),
            'cluster_template_id': template,
            # Its health checks leave bays alone that heal themselves.
            'labels': json.dumps({
                **self.labels, 'auto_healing_enabled': 'true',
                'auto_healing_controller': 'magnum-auto-healer',
            }),
            'trust_id': f'trust-{number}', 'trustee_username': f'{bay}_{settings.PROJECT}',
            'trustee_user_id': f'trustee-{number}', 'trustee_password': 'secret',
        }

    def _group_row(self, number: int, bay: str, stack: str, role: str, count: int) -> Row:
        return {**super()._group_row(number, bay, stack, role, count), 'cluster_id': bay}


class Peer23(Peer):
    """Its release 23.0.0, which has no driver of its own left: it makes no bays."""

    name = 'peer23'
    port = settings.PEER23_PORT
    database = 'bench_peer23'
    vhost = 'bench-peer23'
    environment = settings.ROOT / 'peer23'
    configuration = settings.ROOT / 'etc' / 'peer23.conf'
    writes = False

    def _bay_row(self, number: int, bay: str, template: str, stack: str) -> Row:
        row = super()._bay_row(number, bay, template, stack)
        return {name: value for name, value in row.items() if not name.startswith('trust')}


class Ours(Contender):
    """The service of this checkout, by the names of today."""

    name = 'ours'
    port = settings.OUR_PORT
    database = 'bench_ours'
    vhost = 'bench-ours'
    environment = settings.ROOT / 'ours'
    configuration = settings.ROOT / 'etc' / 'ours.conf'
    distro = 'ubuntu'
    image = IMAGES['ubuntu-24.04']
    labels = {'kube_tag': 'v1.34.1', 'boot_volume_size': '0'}
    tables = (
        'node', 'directive', 'operation_step', 'operation', 'event', 'ledger_entry',
        'bootstrap_token', 'bay_identity', 'issued_certificate', 'key_pair', 'nodegroup', 'bay',
        'baymodel', 'quota',
    )
    bay_table = 'bay'
    template_table = 'baymodel'

    def process_environment(self) -> dict[str, str]:
        """Tells the WSGI module, which has no command line."""
        return {'OS_MAGNUM_CONFIG_FILES': str(self.configuration)}

    def drop_requests(self) -> None:
        """They are rows."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM operation WHERE state = 'QUEUED'")

    def _template_row(self, number: int, template: str) -> Row:
        return {**super()._template_row(number, template), 'generation': 1}

    def _bay_row(self, number: int, bay: str, template: str, stack: str) -> Row:
        return {
            **super()._bay_row(number, bay, template, stack),
            'baymodel_id': template, 'driver': 'kubernetes', 'generation': 1,
        }

    def _group_row(self, number: int, bay: str, stack: str, role: str, count: int) -> Row:
        return {
            **super()._group_row(number, bay, stack, role, count),
            'bay_uuid': bay, 'node_labels': '{}', 'node_taints': '[]', 'generation': 1,
        }


class OursBays(Ours):
    """The same service by its original names."""

    name = 'ours-bays'
    templates = '/v1/baymodels'
    bays = '/v1/bays'
    template_member = 'baymodel_id'


class Floor(Ours):
    """What no service of this kind can be cheaper than: its middleware, and nothing behind it."""

    name = 'floor'
    port = settings.FLOOR_PORT

    def module(self) -> list[str]:
        """Beside this module."""
        return ['--wsgi-file', str(pathlib.Path(__file__).with_name('floor.py'))]

    def wipe(self) -> None:
        """It has no rows."""

    def drop_requests(self) -> None:
        """It keeps none."""

    def seed(self, templates: int, bays: int, batch: int = 7) -> Seeded:
        """It needs none; uuids to ask for."""
        return _named(templates, bays, batch)


ALL: dict[str, type[Contender]] = {
    one.name: one for one in (Peer, Peer23, Ours, OursBays, Floor)
}


def _named(templates: int, bays: int, batch: int) -> Seeded:
    """Uuids, the same ones for every contender."""
    numbers = random.Random(batch)
    return Seeded(*(
        [str(uuid.UUID(int=numbers.getrandbits(128), version=4)) for _ in range(count)]
        for count in (templates, bays, bays)
    ))


def insert(cursor: Any, table: str, rows: Iterable[Row]) -> None:
    """Put rows with the same columns in a table."""
    rows = list(rows)
    if rows:
        columns = tuple(rows[0])
        cursor.executemany(
            'INSERT INTO {} ({}) VALUES ({})'.format(  # noqa: S608
                table, ', '.join(columns), ', '.join(['%s'] * len(columns))
            ),
            [tuple(row.values()) for row in rows],
        )
