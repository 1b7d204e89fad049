"""What commands have in common."""

import argparse
import re
from collections.abc import Mapping
from typing import Any, Final

from osc_lib import exceptions
from osc_lib.command import command

from osc_magnum.errors import ServiceError
from osc_magnum.service import Service, operation_id
from osc_magnum.waiting import until_ended

_PROJECT_ID: Final = re.compile('[0-9a-f]{32}')


class _OfService(command.Command):
    """A command that speaks to the service."""

    app: Any

    @property
    def service(self) -> Service:
        """The service, logged in at the first use."""
        service: Service = self.app.client_manager.bay
        return service

    def project_id(self, ident: str | None) -> str:
        """The id of a project that was given by name or id; by default the user's own.

        :raises CommandError: there is no such project, or the user's login has none.
        """
        cloud = self.app.client_manager.sdk_connection
        if not ident:
            if not cloud.current_project_id:
                raise exceptions.CommandError(
                    'You are not logged in to a project.\nWhat to do: name one with --project.'
                )
            return str(cloud.current_project_id)
        if _PROJECT_ID.fullmatch(ident):
            return ident
        found = cloud.identity.find_project(ident)
        if found is None:
            raise exceptions.CommandError(
                f'There is no project {ident} that you see.\nWhat to do: openstack project list'
            )
        return str(found.id)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; an error of the service names the option that is at fault."""
        try:
            code: int = super().run(parsed_args)
        except ServiceError as error:
            error.options = getattr(parsed_args, 'option_names', {})
            raise
        return code


class Show(_OfService, command.ShowOne):
    """A command that shows one thing."""


class List(_OfService, command.Lister):
    """A command that lists things."""


class Delete(_OfService):
    """A command that deletes things."""

    def delete(self, paths: Mapping[str, str], wait: bool = False) -> None:
        """Delete all of them; one that cannot be deleted does not keep the others.

        :param paths: by what the user called each.
        :param wait: for the ends of the operations that this begins.
        :raises CommandError: some were not deleted.
        """
        operations, failed = [], []
        for ident, path in paths.items():
            try:
                operations.append(operation_id(self.service.ask('DELETE', path)))
            except exceptions.CommandError as error:
                failed.append(f'{ident}: {error}')
        for operation in filter(None, operations) if wait else ():
            try:
                until_ended(self.service, operation)
            except exceptions.CommandError as error:
                failed.append(str(error))
        if failed:
            raise exceptions.CommandError('\n'.join(failed))


def parser(own: argparse.ArgumentParser, *arguments: tuple[str, str]) -> argparse.ArgumentParser:
    """A command's parser with arguments: their names, and what each is."""
    for name, meaning in arguments:
        own.add_argument(name, metavar=f'<{name}>', help=meaning)
    return own
