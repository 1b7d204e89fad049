"""The database that tests run on: SQLite, or the one that the environment names."""

import functools
import os
import pathlib
import tempfile

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import options as db_options

from magnum import conf as magnum_conf
from magnum.db import models
from magnum.db.engine import Database

#: A database to use instead of SQLite: its tables are emptied.
VARIABLE = 'MAGNUM_TEST_DATABASE'
NAME = 'magnum_tests'


def is_remote() -> bool:
    """Whether it is a server, with connections that may break."""
    return VARIABLE in os.environ


def is_mariadb() -> bool:
    """Whether it is MariaDB."""
    return os.environ.get(VARIABLE, '').startswith('mysql')


def url(directory: pathlib.Path, end: str = '') -> str:
    """Where this test's rows go: parallel workers each have databases."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return f'sqlite:///{directory}/magnum.sqlite'
    worker = os.environ.get('PYTEST_XDIST_WORKER')
    return named.replace(NAME, f'{NAME}_{worker}{end}' if worker else f'{NAME}{end}')


#: Ends of the names of the databases that a worker has.
ENDS = ('', '_b')
_taken: dict[str, str] = {}


def take(directory: pathlib.Path) -> str:
    """The URL of a database that nobody else uses until it is given back.

    Fixtures of different lives may have one each at the same time.

    :raises RuntimeError: all are taken, on SQLite too, so that it shows there.
    """
    free = [end for end in ENDS if end not in _taken.values()]
    if not free:
        raise RuntimeError(f'all {len(ENDS)} databases of this worker are in use')
    own = url(directory, free[0])
    _taken[own] = free[0]
    return own


def give_back(taken: str) -> None:
    """Let others take this database."""
    del _taken[taken]


def configure(conf: cfg.ConfigOpts, connection: str) -> None:
    """Set the database's options, as they are by default."""
    db_options.set_defaults(conf)
    conf.set_override('connection', connection, 'database')


def connect(connection: str) -> Database:
    """The database of a URL, with the other options as they are by default."""
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    configure(conf, connection)
    return Database(conf)


def empty(database: Database) -> None:
    """Make the tables where there are none, and empty them."""
    file = pathlib.Path(database.engine.url.database or '')
    if database.engine.name == 'sqlite' and not file.exists():
        file.write_bytes(_template())
        return
    models.Base.metadata.create_all(database.engine)
    with database.writing() as session:
        for table in reversed(models.Base.metadata.sorted_tables):
            session.execute(table.delete())


@functools.cache
def _template() -> bytes:
    """A file of SQLite with the tables and no rows: a copy is quicker than they are."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, 'empty.sqlite')
        engine = sa.create_engine(f'sqlite:///{file}')
        models.Base.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()
