"""``openstack bay driver``: what an installation can build."""

import argparse
from typing import Any

from osc_magnum.columns import Row, record, table
from osc_magnum.commands import base
from osc_magnum.service import Document, one, renamed

_DRIVER = ('driver', 'Driver (name)')


class ListDrivers(base.List):
    """List drivers, and what each can build."""

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        return table(
            (
                'name',
                'coe',
                'distros',
                'versions',
                'network_drivers',
                'volume_drivers',
                'nodegroups',
                'upgrades',
            ),
            self.service.get('/drivers')['drivers'],
        )


class ShowDriver(base.Show):
    """Show what a driver can build, and the names of its labels."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _DRIVER)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        document = renamed(self.service.get(one('/drivers', parsed_args.driver)))
        schema = document.pop('labels_schema')
        return record({**document, 'labels': sorted(schema['properties'])})


class ListDriverLabels(base.List):
    """List the labels that a driver knows: type, default, meaning."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _DRIVER)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        schema = self.service.get(one('/drivers', parsed_args.driver))['labels_schema']
        return table(
            ('name', 'type', 'default', 'choices', 'deprecated', 'description'),
            (_label(name, label) for name, label in sorted(schema['properties'].items())),
        )


def _label(name: str, label: Document) -> Document:
    return {
        'name': name,
        'type': label.get('format') or label.get('type'),
        'default': label.get('default'),
        'choices': label.get('enum') or label.get('releases') or [],
        'deprecated': bool(label.get('deprecated')),
        'description': label.get('description'),
    }
