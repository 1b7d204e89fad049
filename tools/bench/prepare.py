"""Databases, message hosts and configuration files of contenders.

``python -m tools.bench.prepare CONTENDER...``, called by ``setup.sh``.
"""

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping

import pymysql

from tools.bench import contenders, settings
from tools.common import command, processes
from tools.devcloud import settings as devcloud

Sections = dict[str, dict[str, object]]


def prepare(names: list[str]) -> int:
    """Prepare these contenders; the exit code."""
    sections = {'ours': _ours, 'peer': _peer, 'peer23': _peer}
    for name in names:
        contender = contenders.ALL[name]()
        _make_database(contender.database)
        _make_vhost(contender.vhost)
        contender.configuration.parent.mkdir(parents=True, exist_ok=True)
        options = _common(contender)
        for section, own in sections[name](contender).items():
            options.setdefault(section, {}).update(own)
        contender.configuration.write_text(_text(options))
        _upgrade(contender)
        print(f'{name} is ready in {contender.environment}')
    return 0


def _make_database(name: str) -> None:
    connection = pymysql.connect(
        host=devcloud.IP, port=devcloud.MARIADB_PORT, user=devcloud.DATABASE_USER,
        password=devcloud.PASSWORD,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4')


def _make_vhost(name: str) -> None:
    rabbitmqctl, environment = devcloud.rabbitmqctl()
    for arguments in (
        ['add_vhost', name],
        ['set_permissions', '-p', name, devcloud.RABBITMQ_USER, '.*', '.*', '.*'],
    ):
        subprocess.run([*rabbitmqctl, *arguments], env={**os.environ, **environment}, check=True)


def _upgrade(contender: contenders.Contender) -> None:
    processes.run_logged(
        [contender.program('magnum-db-manage'), '--config-file', contender.configuration,
         'upgrade'],
        settings.PROCESSES.log(f'{contender.name}-db'),
    )


def _common(contender: contenders.Contender) -> Sections:
    """What both read, and by the same names."""
    service_account: dict[str, object] = {
        'auth_url': f'{settings.CLOUD_URL}/identity',
        'auth_type': 'password',
        'username': 'magnum',
        'password': 'secret',
        'project_name': 'service',
        'user_domain_id': 'default',
        'project_domain_id': 'default',
    }
    return {
        'DEFAULT': {'host': 'bench', 'transport_url': devcloud.rabbitmq_url(contender.vhost)},
        'api': {'host': settings.HOST, 'port': contender.port, 'max_limit': 1000},
        'database': {'connection': devcloud.mariadb_url(contender.database)},
        'keystone_authtoken': {
            **service_account,
            'www_authenticate_uri': f'{settings.CLOUD_URL}/identity/v3',
            'memcached_servers': devcloud.MEMCACHED,
            'region_name': devcloud.REGION,
        },
        'keystone_auth': service_account,
        'quotas': {'max_clusters_per_project': 1_000_000},
        'conductor': {'workers': 1},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }


def _ours(_contender: contenders.Contender) -> Sections:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {'certificates': {'encryption_keys': key}}


def _peer(contender: contenders.Contender) -> Sections:
    return {
        'api': {'api_paste_config': contender.environment / 'etc' / 'magnum' / 'api-paste.ini'},
        'trust': {
            'trustee_domain_id': 'trustee-domain',
            'trustee_domain_admin_id': 'trustee-admin',
            'trustee_domain_admin_password': 'secret',
            'trustee_keystone_interface': 'public',
            'cluster_user_trust': 'True',
        },
        'certificates': {'cert_manager_type': 'x509keypair'},
        'cluster': {
            'etcd_discovery_service_endpoint_format':
                f'{settings.CLOUD_URL}/discovery/new?size=%(size)d',
        },
        'cinder': {'default_boot_volume_size': 0},
        'cinder_client': {'region_name': devcloud.REGION},
        'kubernetes': {'health_polling_interval': -1},
        'oslo_concurrency': {'lock_path': settings.ROOT / 'run'},
    }


def _text(sections: Mapping[str, Mapping[str, object]]) -> str:
    return '\n'.join(
        f'[{section}]\n' + ''.join(f'{name} = {value}\n' for name, value in options.items())
        for section, options in sections.items()
    )


if __name__ == '__main__':
    sys.exit(command.run('bench', lambda: prepare(sys.argv[1:])))
