"""Makes the empty databases that tests use, and prints the first one's URL.

The others are for parallel workers of pytest, ``<name>_gw0`` and so on, and for
a second service at the same time: ``<name>_b``, ``<name>_gw0_b``.

    python -m tools.devcloud.test_databases mariadb|postgresql
"""

import os
import sys

from tools.devcloud import backends, settings

NAME = 'magnum_tests'
#: Of a single process and of each worker; each has two (tests/databases.py).
_OWNERS = ('', *(f'_gw{worker}' for worker in range(os.cpu_count() or 1)))
_NAMES = tuple(f'{NAME}{owner}{end}' for owner in _OWNERS for end in ('', '_b'))


def mariadb() -> str:
    """Fresh databases on the private MariaDB."""
    for name in _NAMES:
        backends.sql(f'DROP DATABASE IF EXISTS {name}')
        backends.sql(f'CREATE DATABASE {name} CHARACTER SET utf8mb4')
    return settings.mariadb_url(NAME)


def postgresql() -> str:
    """Fresh databases on the private PostgreSQL."""
    import psycopg2

    connection = psycopg2.connect(
        host=settings.IP, port=settings.POSTGRESQL_PORT, user=settings.DATABASE_USER,
        password=settings.PASSWORD, dbname='postgres',
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in _NAMES:
            cursor.execute(f'DROP DATABASE IF EXISTS {name}')
            cursor.execute(f'CREATE DATABASE {name}')
    connection.close()
    return settings.postgresql_url(NAME)


if __name__ == '__main__':
    print({'mariadb': mariadb, 'postgresql': postgresql}[sys.argv[1]]())
