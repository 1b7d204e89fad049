"""``openstack baymodel``."""

import argparse
from typing import Any, Final

from osc_magnum import options
from osc_magnum.columns import ResolvedLabels, Row, record, table
from osc_magnum.commands import base
from osc_magnum.options import Option, moment, positive
from osc_magnum.service import BAYMODELS, one, renamed

_BAYMODEL: Final = ('baymodel', 'Baymodel (name or uuid)')

FIELDS: Final = (
    Option('--coe', 'coe', 'Container orchestration engine', required=True, choices=options.COES),
    Option('--image', 'image_id', 'Image that nodes boot (name or id)', required=True),
    Option('--external-network', 'external_network_id', 'Network that leads outside'),
    Option('--flavor', 'flavor_id', 'Flavor of workers'),
    Option('--master-flavor', 'master_flavor_id', 'Flavor of masters'),
    Option('--keypair', 'keypair_id', 'Key pair that opens the nodes'),
    options.FIXED_NETWORK,
    options.FIXED_SUBNET,
    Option('--dns-nameserver', 'dns_nameserver', 'Addresses of name servers, with commas'),
    Option('--network-driver', 'network_driver', "The containers' network"),
    Option('--volume-driver', 'volume_driver', 'How containers get volumes'),
    options.DOCKER_VOLUME_SIZE,
    Option(
        '--docker-storage-driver', 'docker_storage_driver', 'Storage driver of the container engine'
    ),
    Option('--http-proxy', 'http_proxy', 'Proxy for HTTP'),
    Option('--https-proxy', 'https_proxy', 'Proxy for HTTPS'),
    Option('--no-proxy', 'no_proxy', 'What is reached without a proxy, with commas'),
    options.LABELS,
    Option('--tags', 'tags', 'Words of your own, with commas'),
    Option('--driver', 'driver', 'Driver (default: the one that fits)'),
    Option('--insecure-registry', 'insecure_registry', 'Registry that is used without TLS'),
    Option('--apiserver-port', 'apiserver_port', 'Kept, without effect', positive),
    Option('--server-type', 'server_type', 'Kind of servers', choices=('vm', 'bm')),
    Option('--tls-disabled', 'tls_disabled', "Have the COE's API without TLS", bool),
    Option('--registry', 'registry_enabled', 'A registry on the nodes; refused', bool),
    options.FLOATING_IP,
    options.MASTER_LB,
    Option('--public', 'public', 'Show it to all projects; for administrators', bool),
    Option('--hidden', 'hidden', 'Let only administrators make bays of it', bool),
)
_NAME: Final = Option('--name', 'name', 'New name')
FILTERS: Final = (
    Option('--name', 'name', 'Only baymodels of this name'),
    Option('--coe', 'coe', 'Only baymodels of this COE', choices=options.COES),
    Option('--label', 'label', 'Only baymodels with this label (key, or key=value)'),
    Option(
        '--changed-since',
        'changed_since',
        'Only baymodels changed since: a time in ISO 8601, or 30m, 2h, 7d ago',
        moment,
    ),
    *options.PAGES,
)


class CreateBaymodel(base.Show):
    """Create a baymodel: what bays are made from."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), ('name', 'Name of the new baymodel'))
        options.add(parser, FIELDS)
        options.add_dry_run(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Create it, or show what it would be."""
        body = {'name': parsed_args.name, **options.given(parsed_args, FIELDS)}
        if parsed_args.dry_run:
            preview = self.service.preview(BAYMODELS, body)
            document = {**preview['cluster_template'], 'labels': preview['labels']}
            return record(document, {'labels': ResolvedLabels})
        return record(renamed(self.service.ask('POST', BAYMODELS, body).json()))


class ListBaymodels(base.List):
    """List baymodels."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        options.add(parser, FILTERS)
        options.add_limit(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List them."""
        return table(
            ('uuid', 'name', 'coe', 'image_id', 'flavor_id', 'master_flavor_id', 'public'),
            self.service.listed(
                BAYMODELS,
                'clustertemplates',
                options.given(parsed_args, FILTERS),
                parsed_args.limit,
            ),
        )


class ShowBaymodel(base.Show):
    """Show a baymodel."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        return base.parser(super().get_parser(prog_name), _BAYMODEL)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Show it."""
        return record(renamed(self.service.get(one(BAYMODELS, parsed_args.baymodel))))


class _ChangeBaymodel(base.Patch):
    arguments = (_BAYMODEL,)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Change it."""
        path = one(BAYMODELS, parsed_args.baymodel)
        return record(renamed(self.patched(parsed_args, path)))


class SetBaymodel(_ChangeBaymodel):
    """Change a baymodel."""

    fields = (_NAME, *FIELDS)


class UnsetBaymodel(_ChangeBaymodel):
    """Remove values of a baymodel."""

    fields = FIELDS
    removes = True


class DeleteBaymodel(base.Delete):
    """Delete baymodels that no bay refers to."""

    argument = ('baymodel', 'Baymodels (names or uuids)')

    def path(self, parsed_args: argparse.Namespace, ident: str) -> str:
        """The path of a baymodel."""
        return one(BAYMODELS, ident)
