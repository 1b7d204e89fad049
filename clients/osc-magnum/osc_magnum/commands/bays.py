"""``openstack bay``."""

import argparse
import itertools
from collections.abc import Mapping
from typing import Any, Final

from osc_magnum import options, plans
from osc_magnum.columns import ResolvedLabels, Row, record, table
from osc_magnum.commands import base
from osc_magnum.options import Option, count, moment, positive
from osc_magnum.service import (
    BAYMODELS,
    BAYS,
    Document,
    Service,
    one,
    renamed,
)

NEW: Final = (
    Option('--baymodel', 'cluster_template_id', 'Baymodel (name or uuid)', required=True),
    Option('--node-count', 'node_count', 'Number of workers (default: 1)', count),
    Option('--master-count', 'master_count', 'Number of masters, odd (default: 1)', positive),
    Option('--flavor', 'flavor_id', "Flavor of workers (default: the baymodel's)"),
    Option('--master-flavor', 'master_flavor_id', "Flavor of masters (default: the baymodel's)"),
    Option('--keypair', 'keypair', "Key pair that opens the nodes (default: the baymodel's)"),
    options.DOCKER_VOLUME_SIZE,
    options.LABELS,
    options.MERGE_LABELS,
    Option(
        '--timeout', 'create_timeout', 'Minutes after which building fails (default: 60)', count
    ),
    options.FIXED_NETWORK,
    options.FIXED_SUBNET,
    options.FLOATING_IP,
    options.MASTER_LB,
)
FILTERS: Final = (
    Option('--name', 'name', 'Only bays of this name'),
    Option('--status', 'status', 'Only bays of this status, as CREATE_FAILED'),
    Option('--baymodel', 'baymodel', 'Only bays of this baymodel (name or uuid)'),
    Option('--coe', 'coe', 'Only bays of this COE', choices=options.COES),
    Option('--label', 'label', 'Only bays with this label (key, or key=value)'),
    Option(
        '--changed-since',
        'changed_since',
        'Only bays changed since: a time in ISO 8601, or 30m, 2h, 7d ago',
        moment,
    ),
    *options.PAGES,
)
_LISTED: Final = (
    'uuid',
    'name',
    'status',
    'health_status',
    'master_count',
    'node_count',
    'baymodel_id',
)
_LONG: Final = (*_LISTED, 'api_address', 'coe_version', 'project_id', 'created_at', 'status_reason')


class CreateBay(base.Show):
    """Create a bay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), ('name', 'Name of the new bay'))
        options.add(parser, NEW)
        options.add_dry_run(parser)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Create it, or show the plan."""
        body = {'name': parsed_args.name, **options.given(parsed_args, NEW)}
        if parsed_args.dry_run:
            preview = self.service.preview(BAYS, body)
            return record(plans.of_new_bay(preview), plans.KINDS)
        operation = options.begin(self.service, parsed_args, 'POST', BAYS, body)
        return _shown(self.service, operation['bay_uuid'], operation)


class ListBays(base.List):
    """List bays."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        options.add(parser, FILTERS)
        options.add_limit(parser)
        parser.add_argument(
            '--project',
            metavar='<project>',
            help="Only this project's bays (name or id); for administrators, who see all",
        )
        parser.add_argument('--long', action='store_true', help='Show more of each bay')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        query = options.given(parsed_args, FILTERS)
        limit = parsed_args.limit
        project = parsed_args.project and self.project_id(parsed_args.project, '--project')
        path = f'{BAYS}/detail' if parsed_args.long or project else BAYS
        found = self.service.listed(path, 'clusters', query, None if project else limit)
        if project:
            of_project = (bay for bay in found if bay['project_id'] == project)
            found = itertools.islice(of_project, limit)
        return table(_LONG if parsed_args.long else _LISTED, map(renamed, found))


class ShowBay(base.Show):
    """Show a bay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        return _shown(self.service, parsed_args.bay)


class DeleteBay(base.Delete):
    """Delete bays, whatever state they are in."""

    argument = ('bay', 'Bays (names or uuids)')
    begins_operations = True

    def path(self, parsed_args: argparse.Namespace, ident: str) -> str:
        """The path of a bay."""
        return one(BAYS, ident)


class ResizeBay(base.Show):
    """Change the number of nodes of a node group."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), base.BAY)
        parser.add_argument(
            'node_count',
            metavar='<node-count>',
            type=count,
            help='Number of nodes that the group is to have',
        )
        parser.add_argument(
            '--nodegroup',
            metavar='<nodegroup>',
            help='Node group (name or uuid; default: the default workers); default-master '
            'has the masters, of which an odd number is needed',
        )
        parser.add_argument(
            '--remove',
            metavar='<node>',
            action='append',
            default=[],
            help='Node that goes first (id of its server, or its index in the '
            'group); may be repeated',
        )
        options.tell_of(parser, {
            'node_count': '<node-count>', 'nodegroup': '--nodegroup',
            'nodes_to_remove': '--remove',
        })
        options.add_dry_run(parser)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Resize it, or show the plan."""
        body = {'node_count': parsed_args.node_count, 'nodes_to_remove': parsed_args.remove}
        if parsed_args.nodegroup:
            body['nodegroup'] = parsed_args.nodegroup
        path = one(BAYS, parsed_args.bay, 'actions', 'resize')
        if parsed_args.dry_run:
            preview = self.service.preview(path, body)
            group = self.service.nodegroup(parsed_args.bay, parsed_args.nodegroup)
            return record(
                plans.of_resize(preview, group, parsed_args.node_count, parsed_args.remove),
                plans.KINDS,
            )
        operation = options.begin(self.service, parsed_args, 'POST', path, body)
        return _shown(self.service, parsed_args.bay, operation)


class UpgradeBay(base.Show):
    """Replace the nodes of a bay by ones of another baymodel."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(
            super().get_parser(prog_name), base.BAY, ('baymodel', 'Baymodel to upgrade to')
        )
        parser.add_argument(
            '--nodegroup',
            metavar='<nodegroup>',
            help='Only this node group (default: all that the driver can)',
        )
        parser.add_argument(
            '--max-batch-size',
            metavar='<number>',
            type=positive,
            default=1,
            help='Number of nodes to replace at once (default: 1)',
        )
        options.tell_of(parser, {
            'cluster_template': '<baymodel>', 'nodegroup': '--nodegroup',
            'max_batch_size': '--max-batch-size',
        })
        options.add_dry_run(parser)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Upgrade it, or show the plan."""
        body = {
            'cluster_template': parsed_args.baymodel,
            'max_batch_size': parsed_args.max_batch_size,
        }
        if parsed_args.nodegroup:
            body['nodegroup'] = parsed_args.nodegroup
        path = one(BAYS, parsed_args.bay, 'actions', 'upgrade')
        if parsed_args.dry_run:
            preview = self.service.preview(path, body)
            bay = self.service.bay(parsed_args.bay)
            current, target = (
                _content(self.service.get(one(BAYMODELS, ident)))
                for ident in (bay['cluster_template_id'], parsed_args.baymodel)
            )
            return record(plans.of_upgrade(preview, current, target), plans.KINDS)
        operation = options.begin(self.service, parsed_args, 'POST', path, body)
        return _shown(self.service, parsed_args.bay, operation)


class ShowHealth(base.Show):
    """Show what of a bay works."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show its status, its health, and why."""
        bay = self.service.bay(parsed_args.bay)
        shown = (
            'uuid',
            'name',
            'status',
            'status_reason',
            'health_status',
            'health_status_reason',
            'faults',
        )
        return record({name: bay[name] for name in shown if name in bay})


class ListLabels(base.List):
    """List what the labels of a bay come to, and where each is from."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        found = self.service.get(one(BAYS, parsed_args.bay, 'resolved_labels'))['resolved_labels']
        return table(
            ('name', 'value', 'origin', 'effect', 'reason'),
            ({'name': name, **label} for name, label in sorted(found.items())),
        )


def _shown(
    service: Service, ident: str, operation: Mapping[str, Any] | None = None
) -> tuple[Row, Row]:
    """A bay, and the operation that was begun."""
    document = renamed(service.bay(ident))
    if operation:
        document['operation'] = operation['uuid']
    return record(document, {'resolved_labels': ResolvedLabels})


def _content(baymodel: Document) -> Document:
    """What of a baymodel makes a difference to the bays of it, and its name."""
    unlike = {
        'uuid',
        'links',
        'created_at',
        'updated_at',
        'project_id',
        'user_id',
        'tags',
        'public',
        'hidden',
    }
    return {name: value for name, value in baymodel.items() if name not in unlike}
