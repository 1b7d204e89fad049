"""Errors that mean that the database cannot be used now, under one name.

oslo.db raises ``DBConnectionError`` for broken connections of most kinds. Here
the rest gets the same type: PostgreSQL that refuses connections, servers that
start, stop, have no connection left, or only read after a failover.
"""

from typing import Any, Final

import sqlalchemy as sa
from oslo_db import exception as db_exc

#: MySQL and MariaDB.
_ERROR_NUMBERS: Final = frozenset({
    1040,   # too many connections
    1053,   # the server shuts down
    1203,   # too many connections of this user
    1290,   # --read-only
    1792,   # a read-only transaction
    1836,   # a read-only server
    1927,   # the connection was killed
})
#: PostgreSQL: beginnings of SQLSTATE.
_SQLSTATES: Final = (
    '08',       # connections
    '25006',    # a read-only server
    '53300',    # too many connections
    '57P01', '57P02', '57P03',  # it stops, has crashed, starts
)
#: What a caller meets while the database is away.
UNAVAILABLE: Final = (db_exc.DBConnectionError, sa.exc.TimeoutError)

#: Seconds.
_CONNECT: Final = 5
#: Longer than statements wait for locks.
_ANSWER: Final = 60

#: Dialect -> arguments of the connection that bound how long a silent server is waited for.
_BOUNDS: Final[dict[str, dict[str, str]]] = {
    'mysql': {
        'connect_timeout': str(_CONNECT),
        'read_timeout': str(_ANSWER),
        'write_timeout': str(_ANSWER),
    },
    'postgresql': {
        'connect_timeout': str(_CONNECT),
        'tcp_user_timeout': str(_ANSWER * 1000),
        'keepalives_idle': '15',
        'keepalives_interval': '15',
        'keepalives_count': '3',
    },
}
#: Those that a statement which takes longer breaks.
_OF_STATEMENTS: Final = frozenset({'read_timeout', 'write_timeout'})
#: Drivers that take these arguments.
_DRIVERS: Final = frozenset({'pymysql', 'mysqldb', 'psycopg2', 'psycopg'})


def bounded(connection: str, parameters: str, is_patient: bool = False) -> str:
    """Arguments of connections: the operator's, and bounds that he has not set.

    :param connection: ``[database]connection``.
    :param parameters: ``[database]connection_parameters``, ``name=value&...``.
    :param is_patient: a statement may take as long as it takes.
    """
    url = sa.make_url(connection)
    bounds = _BOUNDS.get(url.get_backend_name().replace('mariadb', 'mysql'), {})
    if url.get_driver_name() not in _DRIVERS:
        return parameters
    known = {*url.query, *(part.partition('=')[0] for part in parameters.split('&'))}
    missing = [
        f'{name}={value}' for name, value in bounds.items()
        if name not in known and not (is_patient and name in _OF_STATEMENTS)
    ]
    return '&'.join([*missing, parameters] if parameters else missing)


def watch(engine: sa.Engine) -> None:
    """Count all errors that mean this as broken connections.

    SQLAlchemy's dialects and oslo.db's filters go by the same answer.
    """
    known = engine.dialect.is_disconnect

    def is_disconnect(error: Any, connection: Any, cursor: Any) -> bool:
        return known(error, connection, cursor) or _is_away(error, connection is None)

    engine.dialect.is_disconnect = is_disconnect  # type: ignore[assignment, method-assign]


def _is_away(error: Any, is_connecting: bool) -> bool:
    if hasattr(error, 'pgcode') or hasattr(error, 'sqlstate'):
        state = getattr(error, 'pgcode', None) or getattr(error, 'sqlstate', None)
        # libpq has no code for a server that nobody answers for.
        return is_connecting if state is None else state.startswith(_SQLSTATES)
    number = error.args[0] if error.args else None
    return number in _ERROR_NUMBERS
