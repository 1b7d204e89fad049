"""``openstack bay certificate`` and ``openstack bay credential``."""

import argparse
import pathlib

from osc_lib import exceptions

from osc_magnum import files, keys, options
from osc_magnum.columns import Row, record
from osc_magnum.commands import base
from osc_magnum.commands.operations import shown
from osc_magnum.service import CERTIFICATES, one


class ShowCertificate(base.Show):
    """Show the certificate of a bay's authority; while it is rotated, both."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), base.BAY)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it; ``-f value -c pem`` is what programs read."""
        document = self.service.get(one(CERTIFICATES, parsed_args.bay))
        return record({'bay_uuid': document['bay_uuid'], 'pem': document['pem']})


class SignCertificate(base.Show):
    """Have a bay's authority sign a certificate."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), base.BAY)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            '--csr', metavar='<file>', type=pathlib.Path, help='Request to sign, in PEM'
        )
        source.add_argument(
            '--new-key',
            metavar='<file>',
            type=pathlib.Path,
            help='Make a key, keep it in this file, and have it certified',
        )
        keys.add_subject(parser.add_argument, 'Subject with --new-key')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Sign it; a key is kept before its certificate is asked for."""
        if parsed_args.new_key:
            if parsed_args.new_key.exists():
                raise exceptions.CommandError(f'{parsed_args.new_key} is there already')
            pair = keys.new(parsed_args.subject)
            files.write(parsed_args.new_key, pair.key)
            request = pair.request
        else:
            text = files.read(parsed_args.csr)
            if text is None:
                raise exceptions.CommandError(f'{parsed_args.csr} is not there')
            request = text
        body = {'cluster_uuid': parsed_args.bay, 'csr': request}
        document = self.service.ask('POST', CERTIFICATES, body).json()
        return record({'bay_uuid': document['bay_uuid'], 'pem': document['pem']})


class _Rotate(base.Show):
    """A command that replaces a secret of a bay.

    :cvar collection: under which the secret is found by its bay.
    """

    collection: str

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), base.BAY)
        options.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Begin it."""
        path = one(self.collection, parsed_args.bay)
        return shown(options.begin(self.service, parsed_args, 'PATCH', path))


class RotateCertificate(_Rotate):
    """Replace the authority of a bay while it goes on."""

    collection = CERTIFICATES


class RotateCredential(_Rotate):
    """Replace the password of a bay's own user in Keystone."""

    collection = '/credentials'
