"""What commands have in common."""

import argparse
from typing import Any

from osc_lib.command import command

from osc_magnum.errors import ServiceError
from osc_magnum.service import Service


class _OfService(command.Command):
    """A command that speaks to the service."""

    app: Any

    @property
    def service(self) -> Service:
        """The service, logged in at the first use."""
        service: Service = self.app.client_manager.bay
        return service

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; an error of the service names the option that is at fault."""
        try:
            code: int = super().run(parsed_args)
        except ServiceError as error:
            error.options = getattr(parsed_args, 'option_names', {})
            raise
        return code


class Act(_OfService):
    """A command that shows nothing."""


class Show(_OfService, command.ShowOne):
    """A command that shows one thing."""


class List(_OfService, command.Lister):
    """A command that lists things."""


def parser(own: argparse.ArgumentParser, *arguments: tuple[str, str]) -> argparse.ArgumentParser:
    """A command's parser with arguments: their names, and what each is."""
    for name, meaning in arguments:
        own.add_argument(name, metavar=f'<{name}>', help=meaning)
    return own
