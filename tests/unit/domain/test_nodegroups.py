"""Rules of node groups: bounds, names of nodes, labels and taints."""

import uuid
from collections.abc import Mapping

import pytest

from magnum.domain import nodegroups
from magnum.domain.nodegroups import HIGHEST, LOWEST, MASTER, WORKER, Invalid


@pytest.mark.parametrize(('count', 'lowest', 'highest', 'broken'), [
    (1, 1, 1, None), (1, 0, None, None), (3, 1, 5, None), (0, 1, None, LOWEST), (0, 1, 2, LOWEST),
    (6, 1, 5, HIGHEST), (5, 1, 5, None), (1, 1, 5, None),
])
def test_a_count_between_its_bounds(
    count: int, lowest: int, highest: int | None, broken: str | None
) -> None:
    assert nodegroups.broken_bound(count, lowest, highest) == broken
    if broken is None:
        nodegroups.check_range(count, lowest, highest)
        return
    with pytest.raises(Invalid) as caught:
        nodegroups.check_range(count, lowest, highest)
    assert caught.value.field == broken
    bound, relation = {LOWEST: (lowest, 'more'), HIGHEST: (highest, 'less')}[broken]
    assert str(caught.value) == f'{broken} {bound} is {relation} than node_count {count}.'


def test_roles_of_groups_beside_the_default_ones() -> None:
    roles = (MASTER, WORKER, 'gpu')
    assert [nodegroups.kind_of(role) for role in roles] == [MASTER, WORKER, WORKER]


def test_the_bounds_among_themselves() -> None:
    nodegroups.check_bounds(2, 2)
    nodegroups.check_bounds(2, None)
    for check in (lambda: nodegroups.check_bounds(2, 1), lambda: nodegroups.check_range(2, 2, 1)):
        with pytest.raises(Invalid, match='max_node_count 1 is less than min_node_count 2') as no:
            check()
        assert no.value.field == HIGHEST


def test_nodes_by_index_and_by_server() -> None:
    first, second = str(uuid.UUID(int=0xA)), str(uuid.UUID(int=0xB))
    members = {'0': first, '1': second.upper(), '2': 'not made'}
    found = nodegroups.named([second, '0', '2', '7', 'not made', first.upper()], members)
    assert found.nodes == {'0': first, '1': second.upper(), '2': 'not made'}
    assert found.unknown == ['7', 'not made']
    # As Kubernetes has them.
    found = nodegroups.named([f'openstack:///{second}', 'openstack:///0', 'x'], members)
    assert (found.nodes, found.unknown) == ({'1': second.upper()}, ['openstack:///0', 'x'])


@pytest.mark.parametrize(('key', 'expected'), [
    ('colour', True), ('example.org/colour', True), ('kubernetes.io/colour', False),
    ('a.kubernetes.io/colour', False), ('k8s.io/x', False), ('a.b.k8s.io/x', False),
    ('notkubernetes.io/x', True), ('kubernetes.io', True),
    ('node.kubernetes.io/x', True), ('kubelet.kubernetes.io/x', True),
    ('node-role.kubernetes.io/master', False),
    ('kubernetes.io/arch', True), ('kubernetes.io/hostname', True), ('kubernetes.io/os', True),
    ('topology.kubernetes.io/zone', True), ('topology.kubernetes.io/x', False),
    ('beta.kubernetes.io/instance-type', True), ('failure-domain.beta.kubernetes.io/region', True),
    ('kubernetes.io/a/b', True),
])
def test_labels_that_a_kubelet_may_set(key: str, expected: bool) -> None:
    assert nodegroups.may_label(key) is expected


TAINT = {'key': 'gpu', 'value': '', 'effect': 'NoSchedule'}


@pytest.mark.parametrize(('role', 'labels', 'taints', 'field', 'reason'), [
    (MASTER, {'a': '1'}, [], 'node_labels', 'node_labels of a master node group cannot be set.'),
    (MASTER, {}, [TAINT], 'node_taints', 'node_taints of a master node group cannot be set.'),
    (WORKER, {'a': '1', 'k8s.io/a': '1'}, [TAINT], 'node_labels',
     'The label k8s.io/a is for Kubernetes itself to set.'),
])
def test_scheduling_refused(
    role: str, labels: Mapping[str, str], taints: list[Mapping[str, str]], field: str, reason: str
) -> None:
    with pytest.raises(Invalid) as caught:
        nodegroups.check_scheduling(role, labels, taints)
    assert (caught.value.field, str(caught.value)) == (field, reason)


@pytest.mark.parametrize(('role', 'labels', 'taints'), [
    (MASTER, {}, []), (WORKER, {'a': '1', 'node.kubernetes.io/x': ''}, [TAINT]), ('gpu', {}, []),
])
def test_scheduling(
    role: str, labels: Mapping[str, str], taints: list[Mapping[str, str]]
) -> None:
    nodegroups.check_scheduling(role, labels, taints)
