"""What OpenStackClient asks of a plugin."""

import argparse
from typing import Any, Final

from osc_magnum.service import Service

API_NAME: Final = 'bay'
API_VERSION_OPTION: Final = 'os_bay_api_version'
DEFAULT_API_VERSION: Final = '1'
API_VERSIONS: Final = {'1': 'osc_magnum.service.Service'}


def make_client(instance: Any) -> Service:
    """The service, as the user's cloud configuration leads to it.

    :param instance: OpenStackClient's client manager.
    """
    connection = instance.sdk_connection
    return Service(connection.container_infrastructure_management)


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the global options of the plugin."""
    parser.add_argument(
        '--os-bay-api-version',
        metavar='<version>',
        default=DEFAULT_API_VERSION,
        help=f'Container infrastructure API version (default: {DEFAULT_API_VERSION})',
    )
    return parser
