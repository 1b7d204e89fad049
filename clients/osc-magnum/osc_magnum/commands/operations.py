"""``openstack bay operation``."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from osc_magnum import columns, options
from osc_magnum.columns import Row, record, table
from osc_magnum.commands import base
from osc_magnum.options import Option
from osc_magnum.service import BAYS, OPERATIONS, one, renamed
from osc_magnum.waiting import until_ended

_OPERATION: Final = ('operation', 'Operation (uuid)')
_KINDS: Final = {'steps': columns.Steps, 'error': columns.Failure}
_STATES: Final = (
    'PENDING', 'QUEUED', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELLED',
)
_VERBS: Final = (
    'create',
    'resize',
    'resize_masters',
    'upgrade',
    'create_nodegroup',
    'delete_nodegroup',
    'rotate_credential',
    'rotate_ca',
    'delete',
)
FILTERS: Final = (
    Option('--state', 'state', 'Only operations in this state', choices=_STATES),
    # Not --verb: openstack takes that for --verbose.
    Option('--kind', 'verb', 'Only operations of this kind', choices=_VERBS),
    *options.PAGES,
)


class ListOperations(base.List):
    """List operations on bays, of bays that are gone as well."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--bay',
            metavar='<bay>',
            help='Only operations on this bay (name, or uuid if it is gone)',
        )
        options.add(parser, FILTERS)
        options.add_limit(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        path = one(BAYS, parsed_args.bay, 'operations') if parsed_args.bay else OPERATIONS
        found = self.service.listed(
            path, 'operations', options.given(parsed_args, FILTERS), parsed_args.limit
        )
        return table(
            (
                'uuid',
                'bay_name',
                'verb',
                'state',
                'percentage',
                'created_at',
                'finished_at',
                'reason',
            ),
            (
                {**operation, 'reason': (operation['error'] or {}).get('reason')}
                for operation in found
            ),
        )


class ShowOperation(base.Show):
    """Show what was promised, how far it is, and why it failed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _OPERATION)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        return shown(self.service.operation(parsed_args.operation))


class WaitForOperation(base.Show):
    """Wait for the end of an operation; exit code 1 when it fails."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _OPERATION)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Wait, then show it."""
        return shown(until_ended(self.service, parsed_args.operation))


class CancelOperation(base.Show):
    """Stop an operation; what was made until then stays."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _OPERATION)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Have it stop, which may take a while."""
        uuid = parsed_args.operation
        self.service.ask('POST', one(OPERATIONS, uuid, 'actions', 'cancel'))
        return shown(self.service.operation(uuid))


class RetryOperation(base.Show):
    """Try an operation again that failed or was cancelled."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), _OPERATION)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Begin a new operation that goes on from where the old one came to."""
        path = one(OPERATIONS, parsed_args.operation, 'actions', 'retry')
        operation = options.begin(self.service, parsed_args, 'POST', path)
        return shown(operation)


def shown(operation: Mapping[str, Any]) -> tuple[Row, Row]:
    """An operation, as commands that show one return it."""
    return record(renamed(operation), _KINDS)
