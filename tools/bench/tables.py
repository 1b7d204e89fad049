"""What the tables of a contender hold, and what its database server does."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from tools.bench.contenders import Contender

#: Counters of the server: what of them is told.
_COUNTERS: Final = {
    'Com_select': 'SELECT', 'Com_update': 'UPDATE', 'Com_insert': 'INSERT',
    'Com_delete': 'DELETE', 'Com_commit': 'COMMIT', 'Handler_read_key': 'look-ups in an index',
    'Handler_read_next': 'next entries of an index', 'Handler_read_rnd_next': 'rows of a scan',
    'Handler_update': 'rows updated', 'Handler_write': 'rows written',
    'Innodb_os_log_written': 'bytes of redo log', 'Innodb_data_written': 'bytes written',
}


@dataclasses.dataclass(frozen=True)
class Size:
    """Of a table, with its indexes."""

    rows: int
    bytes: int


def sizes(contender: Contender) -> dict[str, Size]:
    """The size of every table by its name: rows counted, bytes as the server's files have them."""
    with contender.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            'SELECT SUBSTRING_INDEX(name, "/", -1), file_size '
            'FROM information_schema.innodb_sys_tablespaces WHERE name LIKE %s',
            (f'{contender.database}/%',),
        )
        found = {}
        for name, length in cursor.fetchall():
            cursor.execute(f'SELECT COUNT(*) FROM {name}')  # noqa: S608
            (rows,) = cursor.fetchone()
            found[name] = Size(rows, length)
    return found


def growth(before: Mapping[str, Size], after: Mapping[str, Size]) -> dict[str, Size]:
    """What has changed; tables that have not are left out."""
    changes = {
        name: Size(now.rows - before[name].rows, now.bytes - before[name].bytes)
        for name, now in after.items()
    }
    return {name: change for name, change in changes.items() if change != Size(0, 0)}


def counters(contender: Contender) -> dict[str, int]:
    """What the server has done since it was started, in plain words."""
    with contender.connect() as connection, connection.cursor() as cursor:
        cursor.execute('SHOW GLOBAL STATUS')
        values: dict[str, Any] = dict(cursor.fetchall())
    return {words: int(values[name]) for name, words in _COUNTERS.items()}
