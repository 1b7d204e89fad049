"""``openstack bay nodegroup``."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from osc_magnum import columns, options
from osc_magnum.columns import Row, record, table
from osc_magnum.commands import base
from osc_magnum.options import Option, count, pair, taint
from osc_magnum.service import BAYS, Document, one, renamed

_NODEGROUP: Final = ('nodegroup', 'Node group (name or uuid)')
_KINDS: Final = {'node_taints': columns.Taints}

CHANGEABLE: Final = (
    Option('--min-node-count', 'min_node_count', 'Not fewer nodes than these', count),
    Option('--max-node-count', 'max_node_count', 'Not more nodes than these', count),
    Option(
        '--node-label',
        'node_labels',
        'Label of new nodes in Kubernetes; may be repeated',
        pair,
    ),
    Option(
        '--node-taint',
        'node_taints',
        'Taint of new nodes in Kubernetes; may be repeated',
        taint,
    ),
)
NEW: Final = (
    Option('--node-count', 'node_count', 'Number of nodes (default: 1)', count),
    Option('--flavor', 'flavor_id', "Flavor of the nodes (default: the bay's)"),
    Option('--image', 'image_id', "Image that the nodes boot (default: the baymodel's)"),
    Option('--role', 'role', 'Name of what the nodes are for (default: worker)'),
    options.DOCKER_VOLUME_SIZE,
    options.LABELS,
    options.MERGE_LABELS,
    *CHANGEABLE,
)


class CreateNodegroup(base.Show):
    """Add a node group of workers to a bay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(
            super().get_parser(prog_name), base.BAY, ('name', 'Name of the new node group')
        )
        options.add(parser, NEW)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Create it."""
        body = {'name': parsed_args.name, **options.given(parsed_args, NEW)}
        path = one(BAYS, parsed_args.bay, 'nodegroups')
        operation = options.begin(self.service, parsed_args, 'POST', path, body)
        made = self.service.nodegroup(operation['bay_uuid'], parsed_args.name)
        return _shown({**made, 'operation': operation['uuid']})


class ListNodegroups(base.List):
    """List the node groups of a bay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        return table(
            (
                'uuid',
                'name',
                'role',
                'is_default',
                'status',
                'flavor_id',
                'node_count',
                'min_node_count',
                'max_node_count',
            ),
            self.service.nodegroups(parsed_args.bay),
        )


class ShowNodegroup(base.Show):
    """Show a node group of a bay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY, _NODEGROUP)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        return _shown(self.service.nodegroup(parsed_args.bay, parsed_args.nodegroup))


class _ChangeNodegroup(base.Patch):
    arguments = (base.BAY, _NODEGROUP)
    fields = CHANGEABLE

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Change it."""
        path = one(BAYS, parsed_args.bay, 'nodegroups', parsed_args.nodegroup)
        return _shown(self.patched(parsed_args, path))


class SetNodegroup(_ChangeNodegroup):
    """Change the bounds of a node group, and what its new nodes are marked with."""


class UnsetNodegroup(_ChangeNodegroup):
    """Remove bounds of a node group, and what its new nodes are marked with."""

    removes = True


class DeleteNodegroup(base.Delete):
    """Delete node groups of a bay, with their nodes; not the two that it began with."""

    place = (base.BAY,)
    argument = ('nodegroup', 'Node groups (names or uuids)')
    begins_operations = True

    def path(self, parsed_args: argparse.Namespace, ident: str) -> str:
        """The path of a node group of the bay."""
        return one(BAYS, parsed_args.bay, 'nodegroups', ident)


def _shown(nodegroup: Mapping[str, Any]) -> tuple[Row, Row]:
    document: Document = renamed(nodegroup)
    return record(document, _KINDS)
