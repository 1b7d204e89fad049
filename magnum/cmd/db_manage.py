"""magnum-db-manage: the database's schema."""

import argparse
import sys

from magnum import conf as magnum_conf
from magnum import version
from magnum.cmd import setup
from magnum.db import migration
from magnum.db.engine import Database

PROG = 'magnum-db-manage'


def _version(database: Database, arguments: argparse.Namespace) -> None:
    print(f'Current DB revision is {migration.version(database)}')


def _upgrade(database: Database, arguments: argparse.Namespace) -> None:
    migration.upgrade(database, arguments.revision)


def _stamp(database: Database, arguments: argparse.Namespace) -> None:
    migration.stamp(database, arguments.revision)


def _revision(database: Database, arguments: argparse.Namespace) -> None:
    migration.revision(database, arguments.message, arguments.autogenerate)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    parser.add_argument('--version', action='version', version=version.VERSION)
    parser.add_argument('--config-file', action='append', dest='config_files')
    commands = parser.add_subparsers(required=True, metavar='command')

    commands.add_parser('version', help='print the revision').set_defaults(run=_version)
    upgrade = commands.add_parser('upgrade', help='bring the schema to a revision')
    upgrade.add_argument('revision', nargs='?', default='head')
    upgrade.set_defaults(run=_upgrade)
    stamp = commands.add_parser('stamp', help='note a revision without changing the schema')
    stamp.add_argument('revision')
    stamp.set_defaults(run=_stamp)
    revision = commands.add_parser('revision', help='write a new migration (developers)')
    revision.add_argument('-m', '--message', default='')
    revision.add_argument('--autogenerate', action='store_true')
    revision.set_defaults(run=_revision)
    return parser


def main() -> None:
    """Run one command on the configured database."""
    arguments = _parser().parse_args(sys.argv[1:])
    with setup.ending_clearly(PROG):
        conf = magnum_conf.load(config_files=arguments.config_files, prog=PROG)
        magnum_conf.check_values(conf)
        with setup.opened(conf, is_patient=True) as database:
            arguments.run(database, arguments)
