"""Security groups as netfilter has them."""

from typing import Any

import pytest

from tools.nodes import security
from tools.nodes.cloud import Link


def link(address: str, *groups: str) -> Link:
    server = f'server-{address}'
    return Link('port', server, 'net', 'subnet', 'fa:16:3e:0:0:1', address, groups, True)


def rule(**given: Any) -> dict[str, Any]:
    return {
        'direction': 'ingress', 'ethertype': 'IPv4', 'protocol': None, 'port_range_min': None,
        'port_range_max': None, 'remote_group_id': None, 'remote_ip_prefix': None, **given,
    }


def allowed(*rules: dict[str, Any]) -> list[str]:
    """The lines between established connections and the end, without what all have."""
    mine = link('10.0.0.1', 'a')
    others = [mine, link('10.0.0.2', 'b'), link('10.0.0.3', 'a', 'b')]
    lines = security.table(mine, {'a': list(rules)}, security.members(others)).splitlines()
    assert lines[:2] == ['*mangle', ':SECURITY-GROUPS - [0:0]']
    assert 'ESTABLISHED,RELATED' in lines[2]
    assert lines[-2:] == ['-A SECURITY-GROUPS -j DROP', 'COMMIT']
    return [
        line.removeprefix('-A SECURITY-GROUPS ').removesuffix(' -j RETURN') for line in lines[3:-2]
    ]


def test_nothing_gets_in_without_a_rule() -> None:
    assert allowed() == []
    assert allowed(rule(direction='egress'), rule(ethertype='IPv6')) == []


@pytest.mark.parametrize(
    ('given', 'line'),
    [
        ({}, '-s 0.0.0.0/0'),
        ({'protocol': 'any', 'remote_ip_prefix': '10.1.0.0/16'}, '-s 10.1.0.0/16'),
        ({'protocol': 'esp'}, '-p esp -s 0.0.0.0/0'),
        (
            {'protocol': 'tcp', 'port_range_min': 80, 'port_range_max': 81},
            '-p tcp --dport 80:81 -s 0.0.0.0/0',
        ),
        ({'protocol': '17'}, '-p 17 -s 0.0.0.0/0'),
        ({'protocol': 'icmp', 'port_range_min': 8}, '-p icmp --icmp-type 8 -s 0.0.0.0/0'),
        (
            {'protocol': 'icmp', 'port_range_min': 3, 'port_range_max': 4},
            '-p icmp --icmp-type 3/4 -s 0.0.0.0/0',
        ),
    ],
)
def test_a_rule_allows_what_it_says(given: dict[str, Any], line: str) -> None:
    assert allowed(rule(**given)) == [line]


def test_a_remote_group_is_its_members() -> None:
    assert allowed(rule(remote_group_id='b')) == ['-s 10.0.0.2', '-s 10.0.0.3']
    assert allowed(rule(remote_group_id='nobody')) == []
