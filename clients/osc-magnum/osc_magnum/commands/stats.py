"""``openstack bay stats``."""

import argparse

from osc_magnum.columns import Row, record
from osc_magnum.commands import base
from osc_magnum.service import STATS


class ShowStats(base.Show):
    """Show how many bays and nodes there are: of your project, or, to administrators, of all."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--project',
            metavar='<project>',
            help="Only this project's (name or id); for administrators, who see all",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show them."""
        query = {}
        if parsed_args.project:
            query['project_id'] = self.project_id(parsed_args.project, '--project')
        counted = self.service.get(STATS, query)
        return record({'bays': counted['clusters'], 'nodes': counted['nodes']})
