"""Magnum's configuration files."""

import configparser
import os
import pathlib

from tools.devcloud import settings
from tools.quickstart_steps import layout

API_PROCESSES = 2
CONDUCTORS = ('conductor-1', 'conductor-2')

Sections = dict[str, dict[str, object]]


def conductor_file(name: str) -> pathlib.Path:
    """What one of several conductors has apart from the common file."""
    return layout.ROOT / f'{name}.conf'


def write(real_backends: bool, any_kubernetes: bool = False) -> None:
    """Write all files; they have passwords in them and are for us only.

    :param any_kubernetes: let bays have releases of Kubernetes that are not in the
        catalogue, and their nodes download without TLS.
    """
    common = sections(real_backends)
    if any_kubernetes:
        common['drivers'] = {'any_version': True, 'insecure_downloads': True}
    _write(layout.CONFIGURATION, common)
    if real_backends:
        for name in CONDUCTORS:
            # As on two machines: each has a queue and a row in the list of its own.
            _write(conductor_file(name), {'DEFAULT': {'host': name}})


def sections(real_backends: bool) -> Sections:
    """The common file.

    :param real_backends: the cloud's MariaDB and RabbitMQ instead of what is
        built into Magnum.
    """
    account = settings.password_options('magnum')
    region = account.pop('region_name')
    common: Sections = {
        'DEFAULT': {'state_path': layout.STATE},
        'api': {'host': settings.IP, 'port': settings.MAGNUM_PORT},
        'keystone_auth': {**account},
        'keystone_authtoken': {
            **account,
            'www_authenticate_uri': settings.KEYSTONE_URL,
            'memcached_servers': settings.MEMCACHED,
            'service_token_roles_required': True,
        },
        'openstack_client': {'region_name': region},
        'certificates': {'encryption_key_file': settings.ENCRYPTION_KEY},
        # Rotating an authority takes a minute.
        'bootstrap': {'trust_interval': 15},
        # Looks often: somebody is waiting, and few bays are to be looked at.
        'conductor': {'poll_interval': 2, 'watch_interval': 3},
    }
    if not real_backends:
        return common
    common['DEFAULT']['transport_url'] = settings.rabbitmq_url()
    common['database'] = {'connection': settings.mariadb_url()}
    common['api']['workers'] = API_PROCESSES
    common['conductor'] = {
        'heat_notifications': True,
        'heat_notifications_transport_url': settings.rabbitmq_url(settings.CLOUD_VHOST),
    }
    return common


def _write(path: pathlib.Path, content: Sections) -> None:
    parser = configparser.RawConfigParser()
    parser.read_dict(content)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        parser.write(file)
