"""Where everything of the development cloud is, and how it is reached.

Only constants and functions without side effects, standard library only:
tests and other tools import this module to find databases, the message
broker, Keystone and the accounts.

Environment variables move the cloud:

``MAGNUM_DEVCLOUD_DIR``
    the directory of all states, environments and logs
    (default ``<checkout>/.devcloud``);
``MAGNUM_DEVCLOUD_NAME``
    the name of the cloud, and of its directory in there (default ``state``):
    each has its own data and ports;
``MAGNUM_DEVCLOUD_PORT_OFFSET``
    is added to every port (default: chosen by the first ``up``).
"""

import dataclasses
import hashlib
import ipaddress
import json
import os
import pathlib
import tempfile

from tools.common import network
from tools.common import place as common_place
from tools.common.processes import Home
from tools.devcloud import place, ports

CHECKOUT = common_place.CHECKOUT
SOURCE = pathlib.Path(__file__).resolve().parent
PLUGINS = SOURCE / 'plugins'
TEMPLATES = SOURCE / 'templates'

ROOT = place.ROOT
VENV = ROOT / 'venv'
CLIENTS = ROOT / 'clients'
STATE = place.STATE
ETC = STATE / 'etc'
LOG = STATE / 'log'
RUN = STATE / 'run'
DATA = STATE / 'data'
HOME = STATE / 'home'
ACCOUNTS = STATE / 'accounts'
PROCESSES = Home(
    LOG, RUN, STATE, 'stop it, or let "devcloud reset" forget this cloud and its ports'
)
#: The process that boots real machines for servers (tools/nodes), if one runs.
MACHINES_WATCH = 'nodes-watch'
ENCRYPTION_KEY = STATE / 'magnum' / 'encryption.key'

# Unix socket paths are limited to about 100 characters, checkouts are not.
_STATE_DIGEST = hashlib.sha256(str(STATE).encode()).hexdigest()[:8]
SOCKETS = pathlib.Path(tempfile.gettempdir()) / f'devcloud-{os.getuid()}-{_STATE_DIGEST}'

IP = network.IP
REGION = 'RegionOne'
PASSWORD = 'secret'  # of every account of this throw-away cloud
HOSTNAME = 'devcloud'

_OFFSET = ports.offset()


def _port(name: str) -> int:
    return ports.USUAL[name] + _OFFSET


MARIADB_PORT = _port('mariadb')
RABBITMQ_PORT = _port('rabbitmq')
RABBITMQ_DISTRIBUTION_PORT = _port('rabbitmq-distribution')
EPMD_PORT = _port('epmd')
MEMCACHED_PORT = _port('memcached')
POSTGRESQL_PORT = _port('postgresql')
MAGNUM_PORT = _port('magnum')
HORIZON_PORT = _port('horizon')
DOWNLOADS_PORT = _port('nodes-downloads')

MARIADB_SOCKET = SOCKETS / 'mariadb.sock'
RABBITMQ_NODE = f'devcloud-{RABBITMQ_PORT}@localhost'
DATABASE_USER = 'root'
RABBITMQ_USER = 'devcloud'
CLOUD_VHOST = 'devcloud'  # where the OpenStack services talk to each other
MAGNUM_VHOST = 'magnum'  # for Magnum's own RPC
HEAT_NOTIFICATIONS_TOPIC = 'magnum-heat'  # Magnum's default


@dataclasses.dataclass(frozen=True)
class Service:
    """One entry of the catalogue.

    :ivar type: the service type.
    :ivar port: the TCP port on 127.0.0.1.
    :ivar path: what follows the port in the endpoint's URL.
    """

    type: str
    port: int
    path: str = ''

    @property
    def url(self) -> str:
        """The endpoint, possibly with a ``%(tenant_id)s`` in it."""
        return f'http://{IP}:{self.port}{self.path}'


CATALOGUE = {
    'keystone': Service('identity', _port('keystone'), '/v3'),
    'glance': Service('image', _port('glance')),
    'placement': Service('placement', _port('placement')),
    'nova': Service('compute', _port('nova'), '/v2.1'),
    'neutron': Service('network', _port('neutron')),
    'cinder': Service('block-storage', _port('cinder'), '/v3'),
    'heat': Service('orchestration', _port('heat'), '/v1/%(tenant_id)s'),
    'heat-cfn': Service('cloudformation', _port('heat-cfn'), '/v1'),
    'barbican': Service('key-manager', _port('barbican')),
    'octavia': Service('load-balancer', _port('octavia')),
    # Not started here; the endpoint is where a Magnum under test listens.
    'magnum': Service('container-infra', MAGNUM_PORT, '/v1'),
    # The oldest Magnum clients look for this service type.
    'magnum-legacy': Service('container', MAGNUM_PORT, '/v1'),
}

KEYSTONE_URL = CATALOGUE['keystone'].url
MAGNUM_URL = CATALOGUE['magnum'].url
MEMCACHED = f'{IP}:{MEMCACHED_PORT}'

DEFAULT_DOMAIN = 'Default'
MAGNUM_DOMAIN = 'magnum'
MAGNUM_DOMAIN_ADMIN = 'magnum_domain_admin'


@dataclasses.dataclass(frozen=True)
class Account:
    """A user with its roles on one project; the password is ``PASSWORD``."""

    user: str
    project: str
    roles: tuple[str, ...]


ACCOUNTS_BY_NAME = {
    'admin': Account('admin', 'admin', ('admin',)),
    'magnum': Account('magnum', 'service', ('admin', 'service')),
    'alice': Account('alice', 'demo', ('member',)),
    # Bays of real machines are apart from those whose traces other tests look for.
    'alice-machines': Account('alice', 'machines', ('member',)),
    'bob': Account('bob', 'demo', ('member',)),
    'carol': Account('carol', 'other', ('member',)),
    'rita': Account('rita', 'demo', ('reader',)),
    'rita-machines': Account('rita', 'machines', ('reader',)),
    'dora': Account('dora', 'panel', ('member',)),
}
APPLICATION_CREDENTIAL = 'alice-appcred'
OPENRC_NAMES = (*ACCOUNTS_BY_NAME, APPLICATION_CREDENTIAL)

EXTERNAL_NETWORK = 'public'
EXTERNAL_ADDRESSES = ipaddress.IPv4Network('172.24.0.0/16')
#: Those of them that are given away: others than clouds beside this one give away.
FLOATING_ADDRESSES = list(EXTERNAL_ADDRESSES.subnets(new_prefix=22))[_OFFSET // ports.STEP % 64]
IMAGES = {  # name: os_distro
    'debian-12': 'debian',
    'debian-13': 'debian',
    'ubuntu-24.04': 'ubuntu',
    'fedora-coreos-41': 'fedora-coreos',
    'fedora-atomic': 'fedora-atomic',
    'no-distro': None,
}
FLAVORS = {  # name: (vCPUs, memory in MB, disk in GB)
    'm1.small': (1, 1024, 10),
    'm1.medium': (2, 2048, 20),
    'm1.nodisk': (1, 1024, 0),
}
KEYPAIRS = {'alice-key': 'alice', 'bob-key': 'bob', 'dora-key': 'dora'}  # name: owner


def mariadb_url(database: str = 'magnum') -> str:
    """The SQLAlchemy URL of a database in the private MariaDB.

    The account may do everything, create other databases included.
    ``mariadb_url("")`` names no database.
    """
    # PyMySQL reads all certificates of the system for each connection, about
    # 20 ms, though this server has no TLS.
    return (
        f'mysql+pymysql://{DATABASE_USER}:{PASSWORD}@{IP}:{MARIADB_PORT}'
        f'/{database}?charset=utf8mb4&ssl_disabled=true'
    )


def postgresql_url(database: str = 'magnum') -> str:
    """The SQLAlchemy URL of a database in the private PostgreSQL.

    PostgreSQL runs only after ``devcloud backend postgresql up``. The account
    is a superuser; ``postgres`` is the database to create others from.
    """
    return f'postgresql+psycopg2://{DATABASE_USER}:{PASSWORD}@{IP}:{POSTGRESQL_PORT}/{database}'


def rabbitmq_url(vhost: str = MAGNUM_VHOST) -> str:
    """The oslo.messaging transport URL of a virtual host.

    Heat's notifications arrive in ``rabbitmq_url(CLOUD_VHOST)``.
    """
    return f'rabbit://{RABBITMQ_USER}:{PASSWORD}@{IP}:{RABBITMQ_PORT}/{vhost}'


def rabbitmqctl() -> tuple[list[str], dict[str, str]]:
    """Command and extra environment of rabbitmqctl for the private broker.

    >>> command, environment = rabbitmqctl()
    >>> subprocess.run([*command, "add_vhost", "test-1"],
    ...                env={**os.environ, **environment}, check=True)
    """
    return (
        ['/usr/lib/rabbitmq/bin/rabbitmqctl', '--quiet'],
        {
            'HOME': str(STATE / 'backends' / 'rabbitmq'),
            'RABBITMQ_NODENAME': RABBITMQ_NODE,
            'ERL_EPMD_PORT': str(EPMD_PORT),
            'LC_ALL': 'C.UTF-8',
        },
    )


def encryption_key() -> str:
    """Magnum's encryption key: 32 random bytes in base64."""
    return ENCRYPTION_KEY.read_text().strip()


def openrc(name: str = 'admin') -> dict[str, str]:
    """The ``OS_*`` variables of one of ``OPENRC_NAMES``.

    :raises KeyError: there is no account of that name.
    :raises OSError: the application credential is not made before ``up``.
    """
    common = {
        'OS_AUTH_URL': KEYSTONE_URL,
        'OS_IDENTITY_API_VERSION': '3',
        'OS_REGION_NAME': REGION,
        'OS_INTERFACE': 'public',
    }
    if name == APPLICATION_CREDENTIAL:
        credential = json.loads((ACCOUNTS / f'{name}.json').read_text())
        return {
            **common,
            'OS_AUTH_TYPE': 'v3applicationcredential',
            'OS_APPLICATION_CREDENTIAL_ID': credential['id'],
            'OS_APPLICATION_CREDENTIAL_SECRET': credential['secret'],
        }
    account = ACCOUNTS_BY_NAME[name]
    return {
        **common,
        'OS_AUTH_TYPE': 'password',
        'OS_USERNAME': account.user,
        'OS_PASSWORD': PASSWORD,
        'OS_PROJECT_NAME': account.project,
        'OS_USER_DOMAIN_NAME': DEFAULT_DOMAIN,
        'OS_PROJECT_DOMAIN_NAME': DEFAULT_DOMAIN,
    }


def password_options(name: str) -> dict[str, str]:
    """An account as keystoneauth's options, as configuration files have them.

    For example all that ``[keystone_auth]`` needs with ``name="magnum"``.
    """
    account = ACCOUNTS_BY_NAME[name]
    return service_options(account.user, account.project)


def service_options(user: str, project: str = 'service') -> dict[str, str]:
    """keystoneauth's options of any user of the default domain."""
    return {
        'auth_type': 'password',
        'auth_url': KEYSTONE_URL,
        'username': user,
        'password': PASSWORD,
        'user_domain_name': DEFAULT_DOMAIN,
        'project_name': project,
        'project_domain_name': DEFAULT_DOMAIN,
        'region_name': REGION,
    }
