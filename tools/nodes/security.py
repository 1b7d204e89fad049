"""Security groups as rules of netfilter on a machine's interface."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tools.nodes import programs
from tools.nodes.cloud import Link, Row

_CHAIN: Final = 'SECURITY-GROUPS'
#: Protocols whose rules name ports, and those whose rules name types.
_WITH_PORTS: Final = frozenset({'tcp', 'udp', 'sctp', 'dccp', '6', '17', '33', '132'})
_WITH_TYPES: Final = frozenset({'icmp', '1'})
_ANY: Final = frozenset({None, 'any', '0'})


def members(links: Iterable[Link]) -> dict[str, list[str]]:
    """Addresses by security group."""
    found: dict[str, list[str]] = {}
    for link in links:
        for group in link.groups:
            found.setdefault(group, []).append(link.address)
    return found


def table(
    link: Link, rules: Mapping[str, Sequence[Row]], addresses: Mapping[str, Sequence[str]]
) -> str:
    """What ``iptables-restore`` takes for a port; all that is not allowed is dropped.

    In the table ``mangle``, that is before containers' ports are translated.

    :param rules: by group.
    :param addresses: of the members, by group.
    """
    lines = [
        '*mangle',
        f':{_CHAIN} - [0:0]',
        f'-A {_CHAIN} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN',
    ]
    for group in link.groups:
        for rule in rules.get(group, ()):
            if rule['direction'] == 'ingress' and rule['ethertype'] == 'IPv4':
                lines += _lines(rule, addresses)
    return '\n'.join([*lines, f'-A {_CHAIN} -j DROP', 'COMMIT', ''])


def apply(namespace: str, text: str) -> None:
    """Put the rules of a port in place of those that are there."""
    programs.run_in(namespace, 'iptables-restore', '--wait', '--noflush', text=text)
    jump = ('-i', 'eth0', '-j', _CHAIN)
    in_place = ('ip', 'netns', 'exec', namespace, 'iptables', '--wait', '-t', 'mangle')
    if not programs.succeeds(*in_place, '-C', 'PREROUTING', *jump):
        programs.run(*in_place, '-I', 'PREROUTING', *jump)


def _lines(rule: Row, addresses: Mapping[str, Sequence[str]]) -> Iterator[str]:
    words = f'-A {_CHAIN}{_protocol(rule)}'
    if rule['remote_group_id']:
        sources: Sequence[str] = addresses.get(rule['remote_group_id'], ())
    else:
        sources = [rule['remote_ip_prefix'] or '0.0.0.0/0']
    for source in sources:
        yield f'{words} -s {source} -j RETURN'


def _protocol(rule: Row) -> str:
    protocol = rule['protocol']
    if protocol in _ANY:
        return ''
    low, high = rule['port_range_min'], rule['port_range_max']
    words = f' -p {protocol}'
    if low is None:
        return words
    if protocol in _WITH_PORTS:
        return f'{words} --dport {low}:{high}'
    if protocol in _WITH_TYPES:
        return f'{words} --icmp-type {low}' + ('' if high is None else f'/{high}')
    return words
