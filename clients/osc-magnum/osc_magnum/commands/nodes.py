"""``openstack bay node``."""

import argparse
from typing import Any, Final

from osc_magnum import options
from osc_magnum.columns import Conditions, table
from osc_magnum.commands import base
from osc_magnum.service import BAYS, one

_COLUMNS: Final = (
    'name', 'role', 'nodegroup', 'state', 'step', 'conditions', 'is_silent', 'heard_at',
)


class ListNodes(base.List):
    """List the nodes of a bay that report: how far they booted, and what is not well."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), base.BAY)
        options.add_limit(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them, in the order in which they came."""
        path = one(BAYS, parsed_args.bay, 'nodes')
        nodes = self.service.listed(path, 'nodes', None, parsed_args.limit)
        return table(_COLUMNS, nodes, {'conditions': Conditions})
