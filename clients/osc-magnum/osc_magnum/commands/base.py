"""What commands have in common."""

import argparse
import re
from typing import Any, Final

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from osc_magnum import options
from osc_magnum.errors import ServiceError, UnknownProject
from osc_magnum.service import Document, Service, operation_id
from osc_magnum.waiting import until_ended

#: Name and meaning of an argument.
Argument = tuple[str, str]

BAY: Final = ('bay', 'Bay (name or uuid)')
_PROJECT_ID: Final = re.compile('[0-9a-f]{32}')


class _OfService(command.Command):
    """A command that speaks to the service."""

    app: Any

    @property
    def service(self) -> Service:
        """The service, logged in at the first use."""
        service: Service = self.app.client_manager.bay
        return service

    def project_id(self, ident: str | None, option: str) -> str:
        """The id of a project that was given by name or id; by default the user's own.

        :param option: by which the user gives it.
        :raises UnknownProject: it cannot be found out.
        """
        manager = self.app.client_manager
        if ident and _PROJECT_ID.fullmatch(ident):
            return ident
        # Few users may look projects up, and their own is in their token.
        own = manager.auth_ref
        if not ident and not own.project_id:
            raise UnknownProject('You are not logged in to a project.', option, 'name one.')
        if not ident or ident == own.project_name:
            return str(own.project_id)
        try:
            found = manager.sdk_connection.identity.find_project(ident, ignore_missing=True)
        except sdk_exceptions.ForbiddenException as error:
            raise UnknownProject(
                f'You may not look projects up, so that {ident} cannot be found by its name.',
                option, 'give the id of the project.',
            ) from error
        except sdk_exceptions.DuplicateResource as error:
            raise UnknownProject(
                f'There is more than one project {ident}.',
                option, 'give the id of the project: openstack project list --long',
            ) from error
        if found is None:
            raise UnknownProject(
                f'There is no project {ident} that you see.', option, 'openstack project list'
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


class Patch(Show):
    """A command that sets or removes members of a thing.

    :cvar arguments: that name the thing.
    :cvar fields: options of the members.
    :cvar removes: rather than sets.
    """

    arguments: tuple[Argument, ...]
    fields: tuple[options.Option, ...]
    removes = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        own = parser(super().get_parser(prog_name), *self.arguments)
        if self.removes:
            options.add_removals(own, self.fields)
        else:
            options.add(own, self.fields, is_change=True)
        return own

    def patched(self, parsed_args: argparse.Namespace, path: str) -> Document:
        """The thing at a path, with what the user asked for."""
        make = options.removals if self.removes else options.replacements
        document: Document = self.service.ask(
            'PATCH', path, make(parsed_args, self.fields)
        ).json()
        return document


class Delete(_OfService):
    """A command that deletes things, as many as are named.

    :cvar argument: what the things are called.
    :cvar place: the argument before, which says what they are part of; none for most.
    :cvar begins_operations: whose ends the user may wait for.
    """

    argument: Argument
    place: tuple[Argument, ...] = ()
    begins_operations = False

    def path(self, parsed_args: argparse.Namespace, ident: str) -> str:
        """The path of a thing that the user named."""
        raise NotImplementedError

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        own = parser(super().get_parser(prog_name), *self.place)
        name, meaning = self.argument
        own.add_argument(name, metavar=f'<{name}>', nargs='+', help=meaning)
        if self.begins_operations:
            options.add_wait(own)
        return own

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete all of them; one that cannot be deleted does not keep the others.

        :raises CommandError: some were not deleted.
        """
        name, _ = self.argument
        wait = self.begins_operations and parsed_args.wait
        operations, failed = [], []
        for ident in dict.fromkeys(getattr(parsed_args, name)):
            try:
                path = self.path(parsed_args, ident)
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


def parser(own: argparse.ArgumentParser, *arguments: Argument) -> argparse.ArgumentParser:
    """A command's parser with arguments."""
    for name, meaning in arguments:
        own.add_argument(name, metavar=f'<{name}>', help=meaning)
    return own
