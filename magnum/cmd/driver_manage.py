"""magnum-driver-manage: which drivers there are."""

import sys
from collections.abc import Sequence
from typing import Any

from cliff import app, commandmanager, lister

from magnum import conf as magnum_conf
from magnum.drivers.registry import Registry
from magnum.version import VERSION


class ListDrivers(lister.Lister):
    """List the drivers that are installed and not disabled."""

    def get_parser(self, prog_name: str) -> Any:
        """Options of the command."""
        parser = super().get_parser(prog_name)
        parser.add_argument('-d', '--details', action='store_true', help='what each builds')
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The table."""
        conf = magnum_conf.load(config_files=self.app.options.config_files)
        magnum_conf.check_values(conf)
        registry = Registry.from_conf(conf)
        columns: tuple[str, ...] = ('Name',)
        if parsed_args.details:
            columns += ('Server_Type', 'OS', 'COE')
        rows = []
        for driver in registry.all().values():
            can = driver.capabilities
            for server_type in can.server_types if parsed_args.details else ('',):
                for distro in can.distros if parsed_args.details else ('',):
                    rows.append((driver.name, server_type, distro, can.coe)[: len(columns)])
        return columns, rows


class DriverManage(app.App):
    """The program: one command, and where its options are."""

    def __init__(self) -> None:
        commands = commandmanager.CommandManager('magnum.driver_manage')
        commands.add_command('list-drivers', ListDrivers)
        super().__init__(
            description=__doc__ or '', version=VERSION, command_manager=commands,
            deferred_help=True,
        )

    def build_option_parser(
        self, description: Any, version: Any, argparse_kwargs: Any = None
    ) -> Any:
        """Options before the command."""
        parser = super().build_option_parser(description, version, argparse_kwargs)
        parser.add_argument('--config-file', action='append', dest='config_files')
        return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    result: int = DriverManage().run(sys.argv[1:] if argv is None else list(argv))
    return result
