"""Which load balancers, floating IPs and volumes of a project a bay may remove."""

import dataclasses

import pytest

from magnum.clients.project_resources import FloatingIP, LoadBalancer, Snapshot, Volume
from magnum.domain import bay_resources
from magnum.domain.bay_resources import CLUSTER_KEY, RETAIN_KEY, Owner

SERVICE = 'Kubernetes external service default/web from cluster '
INGRESS = 'Kubernetes Ingress web in namespace default from cluster '
OWNER = Owner(
    'shop', 'prod', frozenset({'the-uuid', 'prod-stack'}), own_networks=frozenset({'own'}),
    networks=frozenset({'own', 'shared'}), server_ids=frozenset({'server-1', 'server-2'}),
)


def _balancer(description: str, network: str = 'own', **values: object) -> LoadBalancer:
    made = LoadBalancer('b', 'web', description, 'shop', 'ACTIVE', network, 'port')
    return dataclasses.replace(made, **values)      # type: ignore[arg-type]


@pytest.mark.parametrize(('balancer', 'is_owned', 'may_be'), [
    (_balancer(SERVICE + 'the-uuid'), True, True),
    (_balancer(SERVICE + 'prod-stack', 'shared'), True, True),
    (_balancer(INGRESS + 'the-uuid'), True, True),
    (_balancer(INGRESS.replace('I', 'i') + 'prod'), True, True),
    (_balancer(INGRESS + 'the-uuid, version: 4711'), True, True),
    (_balancer(INGRESS + 'the-uuid-2, version: 4711'), False, False),
    (_balancer(SERVICE + 'the-uuid', 'elsewhere'), False, True),
    # A bay's name may be another cluster's too: only in a network of the bay's own.
    (_balancer(SERVICE + 'prod'), True, True),
    (_balancer(SERVICE + 'prod', 'shared'), False, True),
    (_balancer(SERVICE + 'the-uuid', project_id='other'), False, True),
    (_balancer(SERVICE + 'production'), False, False),
    (_balancer('of our own'), False, False),
    (_balancer('See: ' + SERVICE + 'the-uuid'), False, False),
    (_balancer(SERVICE + 'prod', tags=('kube_service_prod_ns_web', 'blue')), True, True),
    (_balancer(SERVICE + 'prod', tags=('kube_service_prod_ns_a', 'kube_service_x_ns_b')),
     False, True),
    (_balancer(SERVICE + 'prod', tags=('kube_service_prod_eu_ns_a',)), False, True),
])
def test_load_balancers(balancer: LoadBalancer, is_owned: bool, may_be: bool) -> None:
    assert OWNER.owns_load_balancer(balancer) is is_owned
    assert OWNER.may_own(balancer) is may_be


def test_a_load_balancer_while_the_networks_are_unknown() -> None:
    owner = dataclasses.replace(OWNER, networks=frozenset(), own_networks=frozenset())
    assert owner.owns_load_balancer(_balancer(SERVICE + 'the-uuid', 'elsewhere'))
    assert not owner.owns_load_balancer(_balancer(SERVICE + 'prod', 'elsewhere'))


@pytest.mark.parametrize('is_known', [False, True])
@pytest.mark.parametrize(('description', 'project', 'port', 'expected'), [
    (SERVICE + 'the-uuid', 'shop', 'port', (True, True)),
    (SERVICE + 'prod', 'shop', 'port', (True, True)),
    (SERVICE + 'the-uuid', 'shop', 'of a server', (False, False)),
    (SERVICE + 'the-uuid', 'shop', None, (True, True)),
    (SERVICE + 'prod', 'shop', None, (False, True)),
    (SERVICE + 'the-uuid', 'other', 'port', (False, False)),
    (SERVICE + 'other', 'shop', 'port', (False, False)),
    (SERVICE + 'other', 'shop', None, (False, False)),
    ('brought along', 'shop', 'port', (False, False)),
])
def test_floating_ips(
    description: str, project: str, port: str | None, expected: tuple[bool, bool], is_known: bool
) -> None:
    prefix = 'Floating IP for ' if 'cluster' in description else ''
    address = FloatingIP('f', '192.0.2.1', prefix + description, project, port)
    assert OWNER.owns_floating_ip(address, {'port'}, is_known) is expected[is_known]


def test_a_floating_ip_is_unknown_unless_said() -> None:
    address = FloatingIP('f', '192.0.2.1', f'Floating IP for {SERVICE}prod', 'shop', None)
    assert not OWNER.owns_floating_ip(address, ())


@pytest.mark.parametrize(('cluster', 'servers', 'expected'), [
    ('the-uuid', (), (True, True)),
    ('the-uuid', ('server-1',), (True, True)),
    ('the-uuid', ('server-1', 'of another'), (False, False)),
    ('prod', (), (False, True)),
    ('prod', ('server-1', 'server-2'), (True, True)),
    ('prod', ('of another',), (False, False)),
    ('other', ('server-1',), (False, False)),
    (None, ('server-1',), (False, False)),
])
def test_volumes(
    cluster: str | None, servers: tuple[str, ...], expected: tuple[bool, bool]
) -> None:
    metadata = {} if cluster is None else {CLUSTER_KEY: cluster}
    volume = Volume('v', 'data', None, 'in-use', metadata, servers)
    assert OWNER.owns_volume(volume) is expected[False]
    assert OWNER.owns_volume(volume, is_known=True) is expected[True]
    retained = dataclasses.replace(volume, metadata={**metadata, RETAIN_KEY: 'true'})
    assert not OWNER.owns_volume(retained, is_known=True)


@pytest.mark.parametrize(('cluster', 'expected'), [
    ('the-uuid', (True, True)), ('prod-stack', (True, True)), ('prod', (False, True)),
    ('other', (False, False)), (None, (False, False)),
])
def test_snapshots(cluster: str | None, expected: tuple[bool, bool]) -> None:
    metadata = {} if cluster is None else {CLUSTER_KEY: cluster}
    snapshot = Snapshot('s', 'data', 'v', metadata=metadata)
    assert OWNER.owns_snapshot(snapshot) is expected[False]
    assert OWNER.owns_snapshot(snapshot, is_known=True) is expected[True]
    retained = dataclasses.replace(snapshot, metadata={**metadata, RETAIN_KEY: 'true'})
    assert not OWNER.owns_snapshot(retained, is_known=True)


@pytest.mark.parametrize(('text', 'expected'), [
    ('true', True), (' Yes ', True), ('1', True), ('TRUE', True), ('false', False), ('', False),
    (None, False),
])
def test_retained_volumes(text: str | None, expected: bool) -> None:
    metadata = {} if text is None else {RETAIN_KEY: text}
    volume = Volume('v', 'data', None, 'available', metadata)
    assert bay_resources.is_retained(volume) is expected
