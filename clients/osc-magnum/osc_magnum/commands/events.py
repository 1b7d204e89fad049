"""``openstack bay event``."""

import argparse
import json
from typing import Any, Final

from osc_magnum import options, streams
from osc_magnum.columns import table
from osc_magnum.commands import base
from osc_magnum.service import BAYS, Document, one
from osc_magnum.waiting import INTERRUPTED

_COLUMNS: Final = ('created_at', 'kind', 'message', 'operation_id', 'cursor')


class ListEvents(base.List):
    """List what happened to a bay, of one that is gone by its uuid; or follow it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(
            super().get_parser(prog_name), ('bay', 'Bay (name, or uuid if it is gone)')
        )
        parser.add_argument(
            '--after', metavar='<cursor>', help='Only events after this one (column "cursor")'
        )
        parser.add_argument(
            '--follow',
            action='store_true',
            help='Go on with what happens, one event a line, until the bay is '
            'gone; with -f json each line is a JSON object',
        )
        options.add_limit(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """List, or write lines as they come."""
        if not parsed_args.follow:
            code: int = super().run(parsed_args)
            return code
        try:
            for event in streams.follow(self.service, parsed_args.bay, parsed_args.after):
                self._write(event, parsed_args.formatter)
        except KeyboardInterrupt:
            return INTERRUPTED
        return 0

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them, oldest first."""
        query = {'after': parsed_args.after} if parsed_args.after else {}
        path = one(BAYS, parsed_args.bay, 'events')
        return table(_COLUMNS, self.service.listed(path, 'events', query, parsed_args.limit))

    def _write(self, event: Document, formatter: str) -> None:
        if formatter == 'json':
            line = json.dumps({name: event[name] for name in _COLUMNS})
        else:
            line = f'{event["created_at"]}  {event["kind"]:24}  {event["message"] or ""}'
        print(line, file=self.app.stdout, flush=True)
