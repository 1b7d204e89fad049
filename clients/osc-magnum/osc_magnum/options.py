"""Options of commands, as tables."""

import argparse
import dataclasses
import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from osc_magnum.service import Document, Service, operation_id
from osc_magnum.waiting import until_ended

_AMOUNT: Final = re.compile(r'(\d+)([smhd])')
_UNITS: Final = {'s': 'seconds', 'm': 'minutes', 'h': 'hours', 'd': 'days'}


def count(text: str) -> int:
    """A number of things."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f'{number} is below 0')
    return number


def positive(text: str) -> int:
    """A number of things of which there is one at least."""
    number = count(text)
    if number == 0:
        raise argparse.ArgumentTypeError('0 is too few')
    return number


def moment(text: str) -> str:
    """A point of time in ISO 8601, of UTC unless it says otherwise; ``2h`` for two hours ago."""
    amount = _AMOUNT.fullmatch(text)
    try:
        if amount:
            ago = datetime.timedelta(**{_UNITS[amount[2]]: int(amount[1])})
            return (datetime.datetime.now(datetime.UTC) - ago).isoformat()
        parsed = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f'"{text}" is no time: 2026-01-31T12:00, or 30m, 2h, 7d ago'
        ) from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)).isoformat()


def pair(text: str) -> tuple[str, str]:
    """``key=value``."""
    key, equals, value = text.partition('=')
    if not (key and equals):
        raise argparse.ArgumentTypeError(f'"{text}" is not <key>=<value>')
    return key, value


def taint(text: str) -> dict[str, str]:
    """``key=value:effect``, or ``key:effect``."""
    rest, colon, effect = text.rpartition(':')
    key, equals, value = rest.partition('=')
    if not (key and colon and effect):
        raise argparse.ArgumentTypeError(f'"{text}" is not <key>[=<value>]:<effect>')
    return {'key': key, 'effect': effect, **({'value': value} if equals else {})}


#: Kinds of values of which an option may be given several: what one looks like, and
#: what all of them come to.
_REPEATED: Final[Mapping[Callable[[str], Any], tuple[str, Callable[[list[Any]], Any]]]] = {
    pair: ('<key>=<value>', dict),
    taint: ('<key>[=<value>]:<effect>', list),
}


def tell_of(parser: argparse.ArgumentParser, names: Mapping[str, str]) -> None:
    """Let errors of a command name its options.

    :param names: of options, by the members of requests that they give.
    """
    parser.set_defaults(option_names={**(parser.get_default('option_names') or {}), **names})


@dataclasses.dataclass(frozen=True)
class Option:
    """An option that gives a member of a request's body, or an argument of its query.

    :ivar kind: of the value; ``bool`` makes ``--x`` and ``--no-x``; see ``_REPEATED``.
    """

    name: str
    member: str
    help: str
    kind: Callable[[str], Any] = str
    required: bool = False
    choices: tuple[str, ...] | None = None

    @property
    def attribute(self) -> str:
        """Where the parsed value is."""
        return f'field_{self.member}'

    def add(self, parser: argparse.ArgumentParser, required: bool) -> None:
        """Add it to a command."""
        more: dict[str, Any] = {'dest': self.attribute, 'help': self.help}
        if self.kind is bool:
            more['action'] = argparse.BooleanOptionalAction
        else:
            word = self.name.removeprefix('--')
            more |= {'type': self.kind, 'choices': self.choices}
            more['metavar'] = f'<{"|".join(self.choices or (word,))}>'
        if self.kind in _REPEATED:
            more['action'] = 'append'
            more['metavar'], _ = _REPEATED[self.kind]
        parser.add_argument(self.name, required=required, **more)
        tell_of(parser, {self.member: self.name})


def add(
    parser: argparse.ArgumentParser, options: Iterable[Option], is_change: bool = False
) -> None:
    """Add options to a command.

    :param is_change: of what is there already, so that none is required.
    """
    for option in options:
        option.add(parser, option.required and not is_change)


def given(parsed: argparse.Namespace, options: Iterable[Option]) -> dict[str, Any]:
    """What the user gave: member by value."""
    found = {}
    for option in options:
        value = getattr(parsed, option.attribute)
        if value is not None:
            _, collect = _REPEATED.get(option.kind, ('', None))
            found[option.member] = collect(value) if collect else value
    return found


def replacements(parsed: argparse.Namespace, options: Iterable[Option]) -> list[Document]:
    """The JSON patch that sets what the user gave."""
    return [
        {'op': 'replace', 'path': f'/{member}', 'value': value}
        for member, value in given(parsed, options).items()
    ]


def add_removals(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Add options to a command that removes the values they would give."""
    for option in options:
        parser.add_argument(
            option.name, dest=option.attribute, action='store_true', help=f'Remove: {option.help}'
        )


def removals(parsed: argparse.Namespace, options: Iterable[Option]) -> list[Document]:
    """The JSON patch that removes what the user named."""
    return [
        {'op': 'remove', 'path': f'/{option.member}'}
        for option in options
        if getattr(parsed, option.attribute)
    ]


#: Container orchestration engines.
COES: Final = ('kubernetes', 'swarm', 'mesos')

# Of baymodels and of bays, which may differ from their baymodel.
DOCKER_VOLUME_SIZE: Final = Option(
    '--docker-volume-size',
    'docker_volume_size',
    "GB of each node's volume for containers",
    positive,
)
LABELS: Final = Option(
    '--label', 'labels', 'Label; may be repeated. openstack bay driver label list has all', pair
)
MERGE_LABELS: Final = Option(
    '--merge-labels', 'merge_labels', 'Lay labels over those that they would replace', bool
)
FIXED_NETWORK: Final = Option(
    '--fixed-network', 'fixed_network', 'Network of the nodes, or the CIDR of a new one'
)
FIXED_SUBNET: Final = Option('--fixed-subnet', 'fixed_subnet', 'Subnet of the nodes')
FLOATING_IP: Final = Option(
    '--floating-ip', 'floating_ip_enabled', 'Floating addresses for nodes', bool
)
MASTER_LB: Final = Option(
    '--master-lb', 'master_lb_enabled', 'A load balancer before the masters', bool
)
PAGES: Final = (
    Option('--marker', 'marker', 'Begin after the item of this uuid'),
    Option('--sort-key', 'sort_key', 'Member to sort by'),
    Option('--sort-dir', 'sort_dir', 'Direction of the order', choices=('asc', 'desc')),
)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add the option that bounds a list; all pages are fetched without it."""
    parser.add_argument(
        '--limit', type=positive, metavar='<number>', help='Number of items to show (default: all)'
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add the option that waits for the end of an operation."""
    parser.add_argument(
        '--wait',
        action='store_true',
        help='Wait for the end, with the progress on a terminal; exit code 1 when it fails',
    )


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add the option that shows a plan in place of doing anything."""
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='Check everything, show what would be done, and do nothing',
    )


def begin(
    service: Service, parsed: argparse.Namespace, method: str, path: str, body: Any = None
) -> Document:
    """Send a request that begins an operation, and wait for its end if the user wants that.

    :returns: the operation; empty where nothing was to be done.
    :raises OperationFailed: it was waited for, and failed.
    """
    uuid = operation_id(service.ask(method, path, body))
    if uuid is None:
        return {}
    return until_ended(service, uuid) if parsed.wait else service.operation(uuid)
