"""Makes the empty database that tests use, and prints its URL.

    python -m tools.devcloud.test_databases mariadb|postgresql
"""

import sys

from tools.devcloud import backends, settings

NAME = 'magnum_tests'


def mariadb() -> str:
    """A fresh database on the private MariaDB."""
    backends.sql(f'DROP DATABASE IF EXISTS {NAME}; CREATE DATABASE {NAME} CHARACTER SET utf8mb4')
    return settings.mariadb_url(NAME)


def postgresql() -> str:
    """A fresh database on the private PostgreSQL."""
    import psycopg2

    connection = psycopg2.connect(
        host=settings.IP, port=settings.POSTGRESQL_PORT, user=settings.DATABASE_USER,
        password=settings.PASSWORD, dbname='postgres',
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS {NAME}')
        cursor.execute(f'CREATE DATABASE {NAME}')
    connection.close()
    return settings.postgresql_url(NAME)


if __name__ == '__main__':
    print({'mariadb': mariadb, 'postgresql': postgresql}[sys.argv[1]]())
