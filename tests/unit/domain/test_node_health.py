"""What the reports of nodes come to for their bay."""

import dataclasses
from typing import Any

import pytest

from magnum.domain import node_health
from magnum.domain.node_health import Node


def _condition(status: str, message: str = 'm') -> dict[str, str]:
    return {'status': status, 'reason': 'R', 'message': message}


def _node(name: str, is_silent: bool = False, state: str = 'ready', **statuses: str) -> Node:
    """``m0`` is a master; all that is not given is True."""
    role = {'m': 'master', 'w': 'worker'}[name[0]]
    usual = {'Services': 'True', 'Node': 'True', 'Certificates': 'True'}
    if role == 'master':
        usual['ControlPlane'] = 'True'
    said = {condition: _condition(status) for condition, status in (usual | statuses).items()}
    return Node(name, role, state, said, is_silent)


def _bare(name: str, state: str = 'ready') -> Node:
    """A node that has no certificates."""
    node = _node(name, state=state)
    conditions = {name: said for name, said in node.conditions.items() if name != 'Certificates'}
    return dataclasses.replace(node, conditions=conditions)


M0, M1, M2, W0, W1 = (_node(name) for name in ('m0', 'm1', 'm2', 'w0', 'w1'))
T, F, U = 'True', 'False', 'Unknown'

#: Nodes -> NodesReporting, NodesReady, ControlPlaneReady, CertificatesValid, health.
TABLE: list[tuple[str, list[Node], tuple[str, ...], str]] = [
    ('all well', [M0, W0, W1], (T, T, T, T), 'HEALTHY'),
    ('a worker is silent', [M0, W0, _node('w1', True)], (F, T, T, T), 'UNHEALTHY'),
    ('the only master is silent', [_node('m0', True), W0], (F, T, U, T), 'UNHEALTHY'),
    ('one of three masters is silent', [M0, M1, _node('m2', True)], (F, T, T, T), 'UNHEALTHY'),
    ('two of three masters are silent', [M0, _node('m1', True), _node('m2', True)],
     (F, T, U, T), 'UNHEALTHY'),
    ('nothing is heard at all', [_node('m0', True), _node('w0', True)], (F, U, U, U), 'UNKNOWN'),
    ('what a silent node said is not known', [M0, _node('w0', True, Node=F, Certificates=F)],
     (F, T, T, T), 'UNHEALTHY'),
    ('services of a worker', [M0, _node('w0', Services=F)], (T, F, T, T), 'UNHEALTHY'),
    ('the disk of a worker', [M0, _node('w0', Disk=F)], (T, F, T, T), 'UNHEALTHY'),
    ('a condition of a later release', [M0, _node('w0', Later=F)], (T, F, T, T), 'UNHEALTHY'),
    ('a condition that is not known', [M0, _node('w0', Node=U)], (T, T, T, T), 'HEALTHY'),
    ('a worker failed to boot', [M0, _node('w0', state='failed')], (T, F, T, T), 'UNHEALTHY'),
    ('a worker is being built', [M0, _node('w0', state='building', Node=F)],
     (T, T, T, T), 'HEALTHY'),
    ('all are being built', [_node('m0', state='building', ControlPlane=U, Certificates=U)],
     (T, U, U, U), 'UNKNOWN'),
    ('a certificate ends', [M0, _node('w0', Certificates=F)], (T, T, T, F), 'UNHEALTHY'),
    ('TLS is disabled', [_bare('m0'), _bare('w0')], (T, T, T, T), 'HEALTHY'),
    ('TLS is disabled, and a worker is being built', [_bare('m0'), _bare('w0', 'building')],
     (T, T, T, T), 'HEALTHY'),
    ('all are being built and have said nothing of certificates', [_bare('m0', 'building')],
     (T, U, T, U), 'UNKNOWN'),
    ('certificates cannot be read', [_bare('m0'), _node('w0', Certificates=U)],
     (T, T, T, U), 'UNKNOWN'),
    ('the only control plane is down', [_node('m0', ControlPlane=F), W0],
     (T, F, F, T), 'UNHEALTHY'),
    ('one of three control planes is down', [M0, M1, _node('m2', ControlPlane=F)],
     (T, F, T, T), 'UNHEALTHY'),
    ('two of three control planes are down',
     [M0, _node('m1', ControlPlane=F), _node('m2', ControlPlane=F)], (T, F, F, T), 'UNHEALTHY'),
    ('no master reports', [W0, W1], (T, T, U, T), 'UNKNOWN'),
]


@pytest.mark.parametrize(
    ('nodes', 'statuses', 'health'), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_table(nodes: list[Node], statuses: tuple[str, ...], health: str) -> None:
    found = node_health.conditions(nodes)
    assert list(found) == ['NodesReporting', 'NodesReady', 'ControlPlaneReady',
                           'CertificatesValid']
    assert tuple(condition.status for condition in found.values()) == statuses
    assert node_health.health(found) == health


@pytest.mark.parametrize(
    ('said', 'status', 'message'),
    [
        ({'m0': T, 'm1': None}, T, 'All add-ons are installed'),
        ({'m0': F, 'm1': None}, F, 'm'),
        ({'m0': U, 'm1': None}, U, 'Add-ons are being installed or removed'),
        # For a moment two masters may care for them.
        ({'m0': T, 'm1': F}, F, 'm'),
        ({'m0': T, 'm1': U}, U, 'Add-ons are being installed or removed'),
    ],
)
def test_a_bay_is_healthy_without_its_addons(
    said: dict[str, str | None], status: str, message: str
) -> None:
    nodes = [_node(name, Addons=each) if each else _node(name) for name, each in said.items()]
    found = node_health.conditions([*nodes, W0])
    assert (found['AddonsReady'].status, found['AddonsReady'].message) == (status, message)
    assert found['NodesReady'].status == T
    assert node_health.health(found) == 'HEALTHY'
    silent = [dataclasses.replace(node, is_silent=True) for node in nodes]
    assert 'AddonsReady' not in node_health.conditions([*silent, W0])


@pytest.mark.parametrize(
    ('said', 'status', 'message'),
    [
        ({'w0': T, 'w1': T}, T, '2 of 2 workers reach it'),
        ({'w0': T, 'w1': F}, F, '1 of 2 workers reach it; w1: m'),
        ({'w0': T, 'w1': None}, T, '1 of 1 workers reach it'),
    ],
)
def test_workers_say_whether_the_api_is_reached(
    said: dict[str, str | None], status: str, message: str
) -> None:
    """Masters are well, and so are the workers' own programs."""
    nodes = [_node(name, API=each) if each else _node(name) for name, each in said.items()]
    found = node_health.conditions([M0, *nodes])
    assert (found['APIReachable'].status, found['APIReachable'].message) == (status, message)
    assert found['NodesReady'].status == T
    assert node_health.health(found) == ('HEALTHY' if status == T else 'UNHEALTHY')
    silent = [dataclasses.replace(node, is_silent=True) for node in nodes]
    assert 'APIReachable' not in node_health.conditions([M0, *silent])


def _naming(name: str, message: str) -> Node:
    """A manager that leads, and does not reach all nodes."""
    node = _node(name)
    return dataclasses.replace(
        node, conditions={**node.conditions, 'Members': _condition(F, message)}
    )


@pytest.mark.parametrize(
    ('nodes', 'message'),
    [
        ([W0, W1], 'w1: Members (managers call it down)'),
        ([W0, _node('w1', Disk=F)], 'w1: Disk (m), Members (managers call it down)'),
        # It is being made anew, or has left the bay.
        ([W0, _node('w1', state='building')], None),
        ([W0], None),
    ],
)
def test_nodes_that_managers_do_not_reach_are_not_ready(
    nodes: list[Node], message: str | None
) -> None:
    """The nodes themselves are well."""
    found = node_health.conditions([_naming('m0', 'down: w1, w7'), *nodes])
    assert found['NodesReady'].status == (F if message else T)
    assert message is None or found['NodesReady'].message == message
    assert node_health.health(found) == ('UNHEALTHY' if message else 'HEALTHY')


def test_half_a_name_is_nobodys() -> None:
    """A node says no more than 300 characters."""
    whole = 'down: ' + ', '.join(f'w{number}00' for number in range(100))
    message = whole[:whole.index('w11')] + 'w1'
    padded = message[:6] + ' ' * (300 - len(message)) + message[6:]
    found = node_health.conditions([_naming('m0', padded), W1])
    assert found['NodesReady'].status == T
    silent = dataclasses.replace(_naming('m0', 'down: w1'), is_silent=True)
    assert node_health.conditions([silent, W1])['NodesReady'].status == T


def test_a_bay_of_which_no_node_reports_has_no_conditions() -> None:
    assert node_health.conditions([]) == {}
    assert node_health.health({}) == 'UNKNOWN'


@pytest.mark.parametrize(
    ('nodes', 'name', 'words'),
    [
        ([M0, _node('w7', True)], 'NodesReporting', ('w7', '1 of 2')),
        ([M0, _node('w7', Disk='False')], 'NodesReady', ('w7', 'Disk', '(m)')),
        ([M0, _node('w7', state='failed')], 'NodesReady', ('w7',)),
        ([M0, M1, _node('m2', ControlPlane='False')], 'ControlPlaneReady', ('m2: m', '2 of 3')),
        ([M0, _node('w7', Certificates='False')], 'CertificatesValid', ('w7: m',)),
    ],
)
def test_messages_name_the_nodes(
    nodes: list[Node], name: str, words: tuple[str, ...]
) -> None:
    message = node_health.conditions(nodes)[name].message
    assert all(word in message for word in words), message


def test_messages_are_bounded() -> None:
    many: Any = [_node(f'w{number}', True) for number in range(500)]
    message = node_health.conditions([M0, *many])['NodesReporting'].message
    assert 'and 495 more' in message
    assert len(message) < 200
