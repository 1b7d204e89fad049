"""Private MariaDB, RabbitMQ, memcached and PostgreSQL.

Own ports, sockets, directories, node name and cookie: the machine's own
daemons are neither used nor disturbed. Each can run without the cloud.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from tools.common import network, processes
from tools.common.errors import ToolError
from tools.common.processes import Process
from tools.devcloud import settings

DIRECTORY = settings.STATE / 'backends'
NAMES = ('mariadb', 'rabbitmq', 'memcached', 'postgresql')
CLOUD_NAMES = ('mariadb', 'rabbitmq', 'memcached')
RABBITMQ_PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server'
PROGRAMS = {  # what each backend runs, for the check before the start
    'mariadb': ('mariadbd', 'mariadb-install-db', 'mariadb'),
    'rabbitmq': (RABBITMQ_PROGRAM, 'epmd'),
    'memcached': ('memcached',),
    'postgresql': (),  # looked up by postgresql_bin()
}
PORTS = {
    'mariadb': settings.MARIADB_PORT,
    'rabbitmq': settings.RABBITMQ_PORT,
    'memcached': settings.MEMCACHED_PORT,
    'postgresql': settings.POSTGRESQL_PORT,
}
AS_ROOT = os.getuid() == 0


def up(name: str) -> bool:
    """Start one backend, set it up first if needed, wait until it serves.

    :returns: whether anything had to be started.
    """
    _make_socket_directory()
    require_programs((name,))
    started = [process for process in _STARTERS[name]() if process.start()]
    processes.wait_ready(started)
    return bool(started)


def down(name: str) -> bool:
    """Stop one backend, keep its data; say whether it ran."""
    ran = settings.PROCESSES.stop([name])
    if name == 'rabbitmq':
        # Only now: the broker reports to the port mapper when it leaves.
        ran += settings.PROCESSES.stop(['epmd'])
    return bool(ran)


def running(name: str) -> bool:
    """Whether a backend runs."""
    return settings.PROCESSES.pid(name) is not None


def require_programs(names: tuple[str, ...]) -> None:
    """Raise an error that names the programs that are not installed."""
    missing = [
        program
        for name in names
        for program in PROGRAMS[name]
        if not shutil.which(program, path=_search_path())
    ]
    if missing:
        raise ToolError(
            'not installed: {}; run {} first'.format(
                ', '.join(missing), settings.CHECKOUT / 'tools/system-packages'
            )
        )


def _search_path() -> str:
    # Ordinary users often have no sbin directory in their path.
    return f'{os.environ.get("PATH", os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin'


def _environment(**more: str) -> dict[str, str]:
    kept = processes.inherited('RABBITMQ_', 'ERL_', 'PG', 'MYSQL_')
    return {**kept, 'LC_ALL': 'C.UTF-8', 'PATH': _search_path(), **more}


def _make_socket_directory() -> None:
    settings.SOCKETS.mkdir(mode=0o700, exist_ok=True)
    if settings.SOCKETS.stat().st_uid != os.getuid():
        raise ToolError(f'{settings.SOCKETS} belongs to another user')


def _run(command: list[str], log: str, **options: Any) -> None:
    """Run a set-up program to its end, with its output in a log file."""
    processes.run_logged(command, settings.PROCESSES.log(log), **options)


# --------------------------------------------------------------------- MariaDB


def sql(statement: str) -> str:
    """Run SQL as the private MariaDB's administrator; the rows as text."""
    result = subprocess.run(
        [
            'mariadb',
            '--no-defaults',
            '--skip-column-names',
            f'--socket={settings.MARIADB_SOCKET}',
            f'--user={settings.DATABASE_USER}',
            f'--password={settings.PASSWORD}',
            f'--execute={statement}',
        ],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    if result.returncode:
        raise ToolError(f'MariaDB: {result.stderr.strip()}')
    return result.stdout


def _mariadb() -> list[Process]:
    directory = DIRECTORY / 'mariadb'
    data = directory / 'data'
    account = f"'{settings.DATABASE_USER}'"
    if not (directory / 'installed').exists():
        # What an interrupted first start has left is of no use.
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / 'init.sql').write_text(
            f"ALTER USER {account}@'localhost'"
            f" IDENTIFIED BY '{settings.PASSWORD}';\n"
            f"CREATE OR REPLACE USER {account}@'{settings.IP}'"
            f" IDENTIFIED BY '{settings.PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {account}@'{settings.IP}' WITH GRANT OPTION;\n"
            'CREATE DATABASE IF NOT EXISTS magnum CHARACTER SET utf8mb4;\n'
        )
        _run(
            [
                'mariadb-install-db',
                '--no-defaults',
                f'--datadir={data}',
                '--force',  # without a look at the machine's name
                '--skip-test-db',
                '--auth-root-authentication-method=normal',
                *(['--user=root'] if AS_ROOT else []),
            ],
            'mariadb',
            env=_environment(),
        )
        (directory / 'installed').touch()
    command = [
        '/usr/sbin/mariadbd',
        '--no-defaults',
        f'--datadir={data}',
        f'--init-file={directory / "init.sql"}',
        f'--socket={settings.MARIADB_SOCKET}',
        f'--bind-address={settings.IP}',
        f'--port={settings.MARIADB_PORT}',
        f'--pid-file={directory / "mariadbd.pid"}',
        '--skip-name-resolve',
        '--max-connections=1000',
        '--performance-schema=OFF',
        '--innodb-buffer-pool-size=192M',
        '--innodb-log-file-size=64M',
        # Survives the end of the process, not that of the machine.
        '--innodb-flush-log-at-trx-commit=2',
        '--character-set-server=utf8mb4',
        # On since MariaDB 11.6.2; the services, Octavia's quotas above all, are
        # not written for "Record has changed since last read".
        '--loose-innodb-snapshot-isolation=OFF',
        *(['--user=root'] if AS_ROOT else []),
    ]
    return [
        Process(
            settings.PROCESSES,
            'mariadb',
            command,
            _environment(),
            (settings.MARIADB_PORT,),
            _mariadb_answers,
        )
    ]


def _mariadb_answers() -> bool:
    try:
        sql('SELECT 1')
    except ToolError:
        return False
    return network.listening(settings.MARIADB_PORT)


# -------------------------------------------------------------------- RabbitMQ


def _rabbitmq() -> list[Process]:
    directory = DIRECTORY / 'rabbitmq'
    directory.mkdir(parents=True, exist_ok=True)
    (directory / 'definitions.json').write_text(json.dumps(_definitions()))
    (directory / 'enabled_plugins').write_text('[].\n')
    (directory / 'rabbitmq.conf').write_text(
        f'listeners.tcp.1 = {settings.IP}:{settings.RABBITMQ_PORT}\n'
        f'load_definitions = {directory / "definitions.json"}\n'
        'disk_free_limit.absolute = 50MB\n'
        'vm_memory_high_watermark.absolute = 1GB\n'
        'log.file.level = warning\n'
    )
    environment = _environment(
        HOME=str(directory),  # of the cookie
        ERL_EPMD_PORT=str(settings.EPMD_PORT),
        ERL_EPMD_ADDRESS=settings.IP,
        RABBITMQ_NODENAME=settings.RABBITMQ_NODE,
        RABBITMQ_NODE_PORT=str(settings.RABBITMQ_PORT),
        RABBITMQ_NODE_IP_ADDRESS=settings.IP,
        RABBITMQ_DIST_PORT=str(settings.RABBITMQ_DISTRIBUTION_PORT),
        RABBITMQ_CONF_ENV_FILE=str(directory / 'no-rabbitmq-env.conf'),
        RABBITMQ_CONFIG_FILE=str(directory / 'rabbitmq.conf'),
        RABBITMQ_ADVANCED_CONFIG_FILE=str(directory / 'no-advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE=str(directory / 'enabled_plugins'),
        RABBITMQ_MNESIA_BASE=str(directory / 'mnesia'),
        RABBITMQ_LOG_BASE=str(settings.LOG),
        RABBITMQ_PID_FILE=str(directory / 'rabbitmq.pid'),
        RABBITMQ_GENERATED_CONFIG_DIR=str(directory / 'generated'),
        # Idle schedulers must not spin: the processors are needed elsewhere.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
            '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none'
            ' -kernel inet_dist_use_interface {127,0,0,1}'
        ),
    )
    return [
        # Erlang would start a port mapper itself, one that nobody stops.
        Process(
            settings.PROCESSES,
            'epmd',
            ['epmd', '-port', str(settings.EPMD_PORT), '-address', settings.IP],
            environment,
            (settings.EPMD_PORT,),
            lambda: network.listening(settings.EPMD_PORT),
        ),
        Process(
            settings.PROCESSES,
            'rabbitmq',
            [RABBITMQ_PROGRAM],
            environment,
            (settings.RABBITMQ_PORT, settings.RABBITMQ_DISTRIBUTION_PORT),
            _rabbitmq_answers,
        ),
    ]


def _definitions() -> dict[str, object]:
    """The account and the virtual hosts, read by the broker at its start."""
    user = settings.RABBITMQ_USER
    vhosts = (settings.CLOUD_VHOST, settings.MAGNUM_VHOST)
    everything = dict.fromkeys(('configure', 'write', 'read'), '.*')
    return {
        'users': [{'name': user, 'password': settings.PASSWORD, 'tags': 'administrator'}],
        'vhosts': [{'name': vhost} for vhost in vhosts],
        'permissions': [{'user': user, 'vhost': vhost, **everything} for vhost in vhosts],
    }


def _rabbitmq_answers() -> bool:
    """Whether the broker greets a client that speaks AMQP."""
    try:
        with socket.create_connection(
            (settings.IP, settings.RABBITMQ_PORT), timeout=2
        ) as connection:
            connection.sendall(b'AMQP\x00\x00\x09\x01')
            return bool(connection.recv(1))
    except OSError:
        return False


# ------------------------------------------------------------------- memcached


def _memcached() -> list[Process]:
    command = [
        'memcached',
        '--listen',
        settings.IP,
        '--port',
        str(settings.MEMCACHED_PORT),
        '--memory-limit=64',
        *(['--user=root'] if AS_ROOT else []),
    ]
    return [
        Process(
            settings.PROCESSES,
            'memcached',
            command,
            _environment(),
            (settings.MEMCACHED_PORT,),
            lambda: network.listening(settings.MEMCACHED_PORT),
        )
    ]


# ------------------------------------------------------------------ PostgreSQL


def postgresql_bin() -> pathlib.Path:
    """The directory of the newest installed PostgreSQL's programs."""
    found = [path.parent for path in pathlib.Path('/usr/lib/postgresql').glob('*/bin/initdb')]
    if not found:
        raise ToolError(
            'PostgreSQL is not installed; run {} test'.format(
                settings.CHECKOUT / 'tools/system-packages'
            )
        )
    return max(found, key=lambda path: int(path.parent.name.split('.')[0]))


def _postgresql() -> list[Process]:
    directory = DIRECTORY / 'postgresql'
    data = directory / 'data'
    programs = postgresql_bin()
    prefix: list[str] = []
    if AS_ROOT:
        # PostgreSQL refuses root. Its account keeps the right to pass through
        # directories, as a checkout below /root would be closed to it.
        prefix = [
            'setpriv',
            '--reuid=postgres',
            '--regid=postgres',
            '--init-groups',
            '--inh-caps=+dac_override',
            '--ambient-caps=+dac_override',
        ]
    if not (directory / 'installed').exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        if AS_ROOT:
            shutil.chown(directory, 'postgres', 'postgres')
        password = directory / 'password'
        password.write_text(settings.PASSWORD)
        _run(
            [
                *prefix,
                str(programs / 'initdb'),
                f'--pgdata={data}',
                f'--username={settings.DATABASE_USER}',
                f'--pwfile={password}',
                '--auth=scram-sha-256',
                '--encoding=UTF8',
                '--locale=C.UTF-8',
                '--no-sync',
            ],
            'postgresql',
            env=_environment(),
            cwd='/',
        )
        (directory / 'installed').touch()
    options = {
        'listen_addresses': settings.IP,
        'port': settings.POSTGRESQL_PORT,
        'unix_socket_directories': '',
        'max_connections': 300,
        'fsync': 'off',
        'shared_buffers': '64MB',
    }
    command = [
        *prefix,
        str(programs / 'postgres'),
        '-D',
        str(data),
        *(part for item in options.items() for part in ('-c', '{}={}'.format(*item))),
    ]
    return [
        Process(
            settings.PROCESSES,
            'postgresql',
            command,
            _environment(),
            (settings.POSTGRESQL_PORT,),
            _postgresql_answers,
        )
    ]


def _postgresql_answers() -> bool:
    """Make the database named magnum as soon as the server lets us."""
    client = [str(postgresql_bin() / 'psql'), '--no-psqlrc', '--quiet', '--tuples-only']
    environment = _environment(
        PGPASSWORD=settings.PASSWORD,
        PGHOST=settings.IP,
        PGPORT=str(settings.POSTGRESQL_PORT),
        PGUSER=settings.DATABASE_USER,
        PGDATABASE='postgres',
    )

    def query(statement: str) -> str | None:
        result = subprocess.run(
            [*client, f'--command={statement}'],
            capture_output=True,
            text=True,
            env=environment,
        )
        return None if result.returncode else result.stdout.strip()

    found = query("SELECT count(*) FROM pg_database WHERE datname = 'magnum'")
    if found == '0':
        found = query('CREATE DATABASE magnum')
    return found is not None


_STARTERS: dict[str, Callable[[], list[Process]]] = {
    'mariadb': _mariadb,
    'rabbitmq': _rabbitmq,
    'memcached': _memcached,
    'postgresql': _postgresql,
}


def remove_sockets() -> None:
    """Remove the directory of the sockets, which lies outside the state."""
    with contextlib.suppress(OSError):
        shutil.rmtree(settings.SOCKETS)
