"""``openstack bay quota``: how many bays projects may have."""

import argparse
from typing import Any, Final

from osc_magnum import options
from osc_magnum.columns import Row, record, table
from osc_magnum.commands import base
from osc_magnum.errors import ServiceError
from osc_magnum.options import Option, count
from osc_magnum.service import QUOTAS, Document, one

_PROJECT: Final = ('project', 'Project (name or id)')
_OPTION: Final = '<project>'
#: What is limited, as the service calls it.
_RESOURCE: Final = 'Cluster'
_IS_NONE: Final = 'magnum.quota.not_found'
LIMITS: Final = (
    Option('--bays', 'hard_limit', 'Number of bays that it may have', count, required=True),
)


class ListQuotas(base.List):
    """List the quotas of all projects that have one of their own; for administrators."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        options.add_limit(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        found = self.service.listed(
            QUOTAS, 'quotas', {'all_tenants': 'true'}, parsed_args.limit
        )
        return table(('project_id', 'bays'), map(_told, found))


class ShowQuota(base.Show):
    """Show how many bays a project may have; its own quota, or the default."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'project',
            metavar=_OPTION,
            nargs='?',
            help='Project (name or id; default: your own); others are for administrators',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        path = one(QUOTAS, self.project_id(parsed_args.project, _OPTION), _RESOURCE)
        return record(_told(self.service.get(path)))


class SetQuota(base.Show):
    """Set how many bays a project may have; for administrators."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), _PROJECT)
        options.add(parser, LIMITS)
        options.tell_of(parser, {'project_id': _OPTION})
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Change its quota; make one where it has none of its own."""
        project = self.project_id(parsed_args.project, _OPTION)
        limits = options.given(parsed_args, LIMITS)
        try:
            answer = self.service.ask('PATCH', one(QUOTAS, project, _RESOURCE), limits)
        except ServiceError as error:
            if error.code != _IS_NONE:
                raise
            new = {'project_id': project, 'resource': _RESOURCE, **limits}
            answer = self.service.ask('POST', QUOTAS, new)
        return record(_told(answer.json()))


class DeleteQuota(base.Delete):
    """Delete quotas of projects, which then have the default; for administrators."""

    argument = ('project', 'Projects (names or ids)')

    def path(self, parsed_args: argparse.Namespace, ident: str) -> str:
        """The path of a project's quota."""
        return one(QUOTAS, self.project_id(ident, _OPTION), _RESOURCE)


def _told(quota: Document) -> Document:
    return {'project_id': quota['project_id'], 'bays': quota['hard_limit']}
