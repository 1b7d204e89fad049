"""Labels through the whole API, with the drivers that build bays, under both names."""

import itertools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from magnum.drivers import labels as rules
from magnum.drivers.kubernetes.downloads import MASTER_PROGRAMS
from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
TEMPLATE: dict[str, Any] = {
    'name': 't', 'coe': 'kubernetes', 'image_id': 'debian', 'keypair_id': 'default',
    'external_network_id': 'public', 'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
}
#: Collections of both vocabularies, and what a bay calls its baymodel.
NAMES = {
    'bays': ('/v1/baymodels', '/v1/bays', 'baymodel_id'),
    'clusters': ('/v1/clustertemplates', '/v1/clusters', 'cluster_template_id'),
}

Make = Callable[..., Service]
_NUMBERS = itertools.count(1)


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Iterator[Make]:
    made: list[Service] = []

    def start(**options: Any) -> Service:
        made.append(_service(tmp_path, **options))
        return made[0]

    yield start
    for service in made:
        service.stop()


def _service(directory: pathlib.Path, **options: Any) -> Service:
    service = Service(directory, Registry.from_entry_points(), **options)
    webtest.TestApp(service.application).post_json('/v1/baymodels', TEMPLATE, headers=HEADERS)
    return service


class Person:
    """A member who uses one of the vocabularies, for one bay of each."""

    def __init__(self, service: Service, names: str):
        self._client = webtest.TestApp(service.application)
        self.templates, self.bays, self._template = NAMES[names]
        self.name = f'c{next(_NUMBERS)}'

    def post(self, labels: Any, path: str = '', **more: Any) -> Any:
        body = {'name': self.name, self._template: 't', 'labels': labels, **more}
        return self._client.post_json(
            f'{self.bays}{path}', body, headers=HEADERS, expect_errors=True
        )

    def bay(self, path: str = '') -> Any:
        return self._client.get(f'{self.bays}/{self.name}{path}', headers=HEADERS).json

    def count(self) -> int:
        shown = self._client.get(f'{self.bays}?name={self.name}', headers=HEADERS).json
        return len(shown[self.bays.rpartition('/')[2]])

    def template(self, method: str, path: str, body: Any) -> Any:
        send = getattr(self._client, f'{method}_json')
        return send(f'{self.templates}{path}', body, headers=HEADERS, expect_errors=True)

    def group(self, **body: Any) -> Any:
        return self._client.post_json(
            f'{self.bays}/{self.name}/nodegroups', body, headers=HEADERS, expect_errors=True
        )

    def events(self) -> dict[str, str]:
        return {event['kind']: event['message'] for event in self.bay('/events')['events']}


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = _service(tmp_path_factory.mktemp('labels'), quotas__max_clusters_per_project=1000)
    yield service
    service.stop()


@pytest.fixture(params=NAMES)
def person(request: pytest.FixtureRequest, shared: Service) -> Person:
    return Person(shared, request.param)


#: What is sent, what is shown, what is applied.
TAKEN: list[tuple[dict[str, Any], dict[str, str], dict[str, str]]] = [
    ({'master_lb_floating_ip_enabled': True}, {'master_lb_floating_ip_enabled': 'true'},
     {'master_lb_floating_ip_enabled': 'true'}),
    ({'master_lb_floating_ip_enabled': 'True'}, {'master_lb_floating_ip_enabled': 'True'},
     {'master_lb_floating_ip_enabled': 'true'}),
    ({'master_lb_allowed_cidrs': '10.0.0.0/8, 192.168.0.0/16'},
     {'master_lb_allowed_cidrs': '10.0.0.0/8, 192.168.0.0/16'},
     {'master_lb_allowed_cidrs': '10.0.0.0/8,192.168.0.0/16'}),
    ({'kubelet_options': '--eviction-hard=memory.available<500Mi'},
     {'kubelet_options': '--eviction-hard=memory.available<500Mi'},
     {'kubelet_options': '--eviction-hard=memory.available<500Mi'}),
    ({'boot_volume_size': 20.0}, {'boot_volume_size': '20.0'}, {'boot_volume_size': '20'}),
    ({'octavia_provider': 'ovn', 'octavia_lb_algorithm': 'SOURCE_IP_PORT'},
     {'octavia_provider': 'ovn', 'octavia_lb_algorithm': 'SOURCE_IP_PORT'},
     {'octavia_provider': 'ovn', 'octavia_lb_algorithm': 'SOURCE_IP_PORT'}),
    ({'container_infra_prefix': 'registry.example.org/magnum'},
     {'container_infra_prefix': 'registry.example.org/magnum'},
     {'container_infra_prefix': 'registry.example.org/magnum/'}),
    ({'kube_tag': ''}, {'kube_tag': ''}, {'kube_tag': 'v1.35.1'}),
    ({'ingress_controller': 'Traefik', 'monitoring_enabled': 'yes',
      'monitoring_retention_days': '7.0'},
     {'ingress_controller': 'Traefik', 'monitoring_enabled': 'yes',
      'monitoring_retention_days': '7.0'},
     {'ingress_controller': 'traefik', 'monitoring_enabled': 'true',
      'monitoring_retention_days': '7'}),
    ({'pod_security_standard': 'Restricted', 'audit_log_enabled': 'yes',
      'audit_log_max_size': 50},
     {'pod_security_standard': 'Restricted', 'audit_log_enabled': 'yes',
      'audit_log_max_size': '50'},
     {'pod_security_standard': 'restricted', 'audit_log_enabled': 'true',
      'audit_log_max_size': '50'}),
    ({' cgroup_driver ': 'CGROUPFS '}, {'cgroup_driver': 'CGROUPFS '},
     {'cgroup_driver': 'cgroupfs'}),
]


@pytest.mark.parametrize(('sent', 'shown', 'applied'), TAKEN, ids=lambda value: str(value)[:40])
def test_taken_in_every_form(
    person: Person, sent: dict[str, Any], shown: dict[str, str], applied: dict[str, str]
) -> None:
    forms: list[Any] = [sent, str(sent)]
    if not any(',' in str(value) for value in sent.values()):
        forms.append(','.join(f'{name}={value}' for name, value in sent.items()))
    for form in forms:
        preview = person.post(form, '?dry_run=true')
        assert preview.status_int == 200, preview.text
        for name, value in applied.items():
            assert preview.json['labels'][name]['value'] == value
            assert preview.json['labels'][name]['effect'] == 'applied'
    assert person.post(sent).status_int in (201, 202)
    assert person.bay()['labels'] == shown
    made = person.template('post', '', {**TEMPLATE, 'name': f'of-{person.name}', 'labels': sent})
    assert made.json['labels'] == shown
    for labels in (sent, str(sent)):
        patch = [{'op': 'replace', 'path': '/labels', 'value': labels}]
        assert person.template('patch', f'/of-{person.name}', patch).json['labels'] == shown
    for name, value in sent.items():
        patch = [{'op': 'add', 'path': f'/labels/{name.strip()}', 'value': value}]
        assert person.template('patch', f'/of-{person.name}', patch).json['labels'] == shown


REFUSED = [
    ({'boot_volume_zie': '5'}, '/labels/boot_volume_zie', 'boot_volume_size'),
    ({'kube-tag': 'v1.34.1'}, '/labels/kube-tag', 'kube_tag'),
    ({'Availability_Zone': 'nova'}, '/labels/Availability_Zone', 'availability_zone'),
    ({'kube_tag': 'v1.14.6'}, '/labels/kube_tag', 'v1.31, v1.32, v1.33, v1.34, v1.35'),
    ({'kube_tag': 'v1.34.1-rancher1'}, '/labels/kube_tag', 'v1.34'),
    ({'boot_volume_size': 20.5}, '/labels/boot_volume_size', 'GB'),
    ({'master_lb_floating_ip_enabled': 'perhaps'}, '/labels/master_lb_floating_ip_enabled', 'true'),
    ({'api_master_lb_allowed_cidrs': '10/8/8'}, '/labels/api_master_lb_allowed_cidrs', '10/8/8'),
    ({'api_master_lb_allowed_cidrs': '10.0.0.0/8', 'master_lb_allowed_cidrs': '10.0.0.0/9'},
     '/labels/api_master_lb_allowed_cidrs', 'master_lb_allowed_cidrs'),
    ({'ingress_controller': 'haproxy'}, '/labels/ingress_controller', 'nginx, traefik or octavia'),
    ({'pod_security_standard': 'strict'}, '/labels/pod_security_standard', 'baseline'),
    ({'audit_log_enabled': 'perhaps'}, '/labels/audit_log_enabled', 'true or false'),
    ({'audit_log_max_size': '0'}, '/labels/audit_log_max_size', 'MB'),
    ({'metrics_server_enabled': 'perhaps'}, '/labels/metrics_server_enabled', 'true or false'),
    ({'metrics_server_chart_tag': '3.99.0'}, '/labels/metrics_server_chart_tag',
     'addons_charts_digests'),
    ({'helm_client_tag': 'v3.2.1'}, '/labels/helm_client_tag', 'helm_client_sha256'),
    ({'addons_charts_url': 'http://mirror.example.org'}, '/labels/addons_charts_url', 'HTTPS'),
    ({'addons_charts_url': 'https://me:secret@mirror.example.org'}, '/labels/addons_charts_url',
     'credentials'),
    ({'monitoring_retention_days': '0'}, '/labels/monitoring_retention_days', 'Days'),
    ({'max_node_count': '1'}, '/labels/max_node_count', 'node_count, 2'),
    ({'min_node_count': '3'}, '/labels/min_node_count', 'node_count, 2'),
]


@pytest.mark.parametrize(('labels', 'pointer', 'words'), REFUSED, ids=lambda value: str(value)[:40])
def test_refused_with_the_remedy(
    person: Person, labels: dict[str, Any], pointer: str, words: str
) -> None:
    for path in ('', '?dry_run=true'):
        answer = person.post(labels, path, node_count=2)
        assert answer.status_int == 400
        (error,) = answer.json['errors']
        assert error['source']['pointer'] == pointer
        assert words in error['detail']
    assert person.count() == 0


def test_their_number_is_bounded(person: Person) -> None:
    many = {f'{number:03}' * 20: 'x' for number in range(257)}
    for labels in (many, ','.join(f'{name}=x' for name in many)):
        refused = person.post(labels)
        assert refused.status_int == 400
        assert 'at most 256 labels' in refused.text
    one = '256' * 20
    del many[one]
    made = person.template('post', '', {**TEMPLATE, 'name': f'of-{person.name}', 'labels': many})
    assert made.status_int == 201
    for name, status in ((one, 400), ('000' * 20, 200)):
        patch = [{'op': 'add', 'path': f'/labels/{name}', 'value': 'y'}]
        assert person.template('patch', f'/of-{person.name}', patch).status_int == status
    # A column of MariaDB holds what is said of so many.
    assert person.post(many).status_int in (201, 202)
    assert 3900 < len(person.events()['bay.create.labels_without_effect']) <= 4000


@pytest.mark.parametrize(('provider', 'algorithm', 'status'), [
    ('ovn', 'ROUND_ROBIN', 400), ('amphora', 'SOURCE_IP_PORT', 400), ('ovn', '', 200),
    ('', 'SOURCE_IP_PORT', 200), ('vendor', 'LEAST_CONNECTIONS', 200),
])
def test_algorithms_are_those_of_the_provider(
    person: Person, provider: str, algorithm: str, status: int
) -> None:
    labels = {'octavia_provider': provider, 'octavia_lb_algorithm': algorithm}
    answer = person.post(labels, '?dry_run=true', master_lb_enabled=True)
    assert answer.status_int == status
    if status == 200:
        expected = algorithm or 'SOURCE_IP_PORT'
        assert answer.json['parameters']['octavia_lb_algorithm'] == expected


WITHOUT = {
    'k8s_keystone_auth_tag': 'v1.18.0',
    'cvmfs_enabled': 'true', 'use_podman': 'true', 'heapster_enabled': 'true',
    'node_problem_detector_tag': 'v0.8.20',       # of another one
    'prometheus_operator_chart_tag': 'v8.2.2',    # of an add-on that the bay has not
    'cost_centre': '4711', 'owner\n\x1b[1m': 'me',
}


def test_what_does_nothing_is_said(person: Person) -> None:
    """In the preview, in the resolved labels, and in an event."""
    preview = person.post(WITHOUT, '?dry_run=true').json['labels']
    assert person.post(WITHOUT).status_int in (201, 202)
    shown = person.bay('/resolved_labels')['resolved_labels']
    by_fields = person.bay('?fields=resolved_labels')['resolved_labels']
    assert shown == by_fields == preview
    for name in WITHOUT:
        assert shown[name]['effect'] == 'none'
        assert shown[name]['reason']
    assert shown['kube_tag'] == {'value': 'v1.35.1', 'origin': 'default', 'effect': 'applied'}
    said = person.events()['bay.create.labels_without_effect']
    for name in WITHOUT:
        assert name.replace('\n\x1b', '??') in said
    assert said.isprintable()
    template = person.template('post', '?dry_run=true', {**TEMPLATE, 'labels': WITHOUT}).json
    assert template['labels']['cost_centre']['effect'] == 'none'


def test_nothing_is_said_where_all_has_an_effect(person: Person) -> None:
    person.post({'boot_volume_size': '20'})
    assert set(person.events()) == {'bay.create.accepted'}


def test_node_groups_say_it_as_well(make: Make) -> None:
    service = make()
    person = Person(service, 'clusters')
    person.post({'cost_centre': '1', 'kube_tag': 'v1.33.5'})
    service.settle()
    made = person.group(
        name='g', merge_labels=True,
        labels={'kube_tag': 'v1.34.1', 'boot_volume_size': 20.0, 'npd_enabled': False},
    )
    assert made.status_int == 202, made.text
    assert made.json['labels'] == {
        'cost_centre': '1', 'kube_tag': 'v1.34.1', 'boot_volume_size': '20.0',
        'npd_enabled': 'false',
    }
    said = person.events()['bay.create_nodegroup.labels_without_effect']
    assert 'kube_tag' in said
    assert 'npd_enabled' in said
    assert 'cost_centre' not in said
    assert 'boot_volume_size' not in said
    assert person.group(name='h', labels={'kube_tag': 'v1.14.6'}).status_int == 400
    assert person.group(name='h', labels={'kubelet_optoins': ''}).status_int == 400


def test_labels_that_the_bay_has_refuse_no_node_group(make: Make) -> None:
    """They were accepted with the bay, before a release left or a rule came."""
    service = make()
    person = Person(service, 'clusters')
    had = {'kube_tag': 'v1.14.6', 'kubelet_optoins': '--v=2', 'cost_centre': '1'}
    digests = ' '.join(f'{program}:{"0" * 64}' for program in MASTER_PROGRAMS)
    assert person.post({'kube_binaries_digests': digests}).status_int == 202
    service.settle()
    with service.database.writing() as session:
        bay = session.scalars(sa.select(models.Bay).filter_by(name=person.name)).one()
        bay.labels = {**bay.labels, **had}
    service.conf.set_override('strict_labels', True, group='drivers')
    made = person.group(name='g')
    assert made.status_int == 202, made.text
    for labels in ({'kube_tag': 'v1.14.7'}, {'kubelet_optoins': '--v=3'}, {'cost_centre': '2'}):
        refused = person.group(name='h', merge_labels=True, labels=labels)
        assert refused.status_int == 400, refused.text
        assert refused.json['errors'][0]['source']['pointer'] == f'/labels/{next(iter(labels))}'


def test_strict_labels_refuse_all_unknown_ones(make: Make) -> None:
    person = Person(make(drivers__strict_labels=True), 'clusters')
    answer = person.post({'cost_centre': '4711', 'use_podman': 'true'})
    assert answer.status_int == 400
    assert answer.json['errors'][0]['source']['pointer'] == '/labels/cost_centre'
    assert person.post({'use_podman': 'true'}).status_int == 202


def test_any_version_may_be_let_pass(make: Make) -> None:
    person = Person(make(drivers__any_version=True), 'clusters')
    digests = ' '.join(f'{program}:{"0" * 64}' for program in MASTER_PROGRAMS)
    known = {'kube_tag': 'v1.14.6', 'kube_binaries_digests': digests}
    assert person.post(known).status_int == 202
    # Of a release that is not in the catalogue no digest is known either.
    assert 'kube_binaries_digests' in person.post({'kube_tag': 'v1.14.6'}).text
    assert person.post({'kube_tag': 'latest'}).status_int == 400


#: Words that people keep in labels; none is a misspelling.
OF_PEOPLE = (
    'cost_centre', 'cost_center', 'costcenter', 'cost-centre', 'owner', 'team', 'project',
    'department', 'billing_code', 'contact', 'environment', 'env', 'stage', 'purpose', 'tier',
    'app', 'application', 'customer', 'tenant', 'ticket', 'maintainer', 'email', 'region',
    'zone', 'datacenter', 'backup', 'schedule', 'expires', 'created_by', 'managed_by',
    'terraform', 'purpose_tag', 'version', 'name', 'volume_size', 'node_size', 'pool',
    'cluster_name', 'cluster_type', 'master_count', 'node_count', 'flavor', 'image', 'network',
    'subnet', 'dns', 'domain', 'proxy', 'registry', 'monitoring', 'logging', 'metrics',
    'ingress', 'storage', 'security', 'audit', 'etcd', 'kube', 'kubernetes', 'k8s_version',
    'kube_version', 'docker', 'containerd', 'calico', 'cilium', 'flannel', 'helm',
)


@pytest.mark.parametrize('driver', ['kubernetes', 'swarm', 'mesos'])
def test_words_of_people_are_no_misspellings(driver: str) -> None:
    schema = Registry.from_entry_points().by_name(driver).labels_schema()
    assert rules.misspelled(schema, OF_PEOPLE) == {}
    # Of each known name, what one slip of the fingers makes of it.
    for name in schema['properties']:
        for slip in (name[1:], name[:-2] + name[-1], name.replace('_', '-'), name.upper()):
            if slip not in schema['properties'] and len(name) > 8:
                assert slip in rules.misspelled(schema, [slip]), slip


#: Zone, zone of volumes, size of volumes, and what is at fault, or where volumes go.
@pytest.mark.parametrize(('label', 'value', 'other', 'needed'), [
    ('ingress_controller', 'Octavia', 'nginx', 'load-balancer'),
    ('manila_csi_enabled', 'Yes', 'no', 'shared-file-system'),
])
def test_what_needs_a_service_needs_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, label: str, value: str, other: str, needed: str
) -> None:
    service = make()
    person = Person(service, 'clusters')
    labels = {label: value}
    swarm = {**TEMPLATE, 'name': 'swarm', 'coe': 'swarm', 'labels': labels}
    world = service.cloud.world
    for is_there in (True, False):
        world.unserved = {needed} if is_there else set()
        world.catalogue.cache_clear()
        # The catalogue is part of a token, which is remembered.
        token = f'member-{is_there}'
        service.cloud.tokens[token] = service.cloud.tokens['member']
        monkeypatch.setitem(HEADERS, 'X-Auth-Token', token)
        answers = [
            person.post(labels, '?dry_run=true'),
            person.template('post', '?dry_run=true', {**TEMPLATE, 'labels': labels}),
        ]
        for answer in answers:
            assert answer.status_int == (200 if is_there else 400), answer.text
            if not is_there:
                (error,) = answer.json['errors']
                assert error['code'] == 'magnum.cloud_service.not_found'
                assert error['source']['pointer'] == f'/labels/{label}'
        assert person.post({label: other}, '?dry_run=true').status_int == 200
        assert person.template('post', '?dry_run=true', swarm).status_int == 200, 'it does nothing'


ZONES = [
    ('zone-2', '', None, None, None), ('nova', '', 5, None, 'nova'), ('', '', 5, None, ''),
    ('zone-2', 'nova', 5, None, 'nova'), ('', 'nova', 5, None, 'nova'),
    ('nova:host-1', '', 5, None, 'nova'), ('elsewhere', 'elsewhere', None, 'availability_zone', ''),
    ('away', '', None, 'availability_zone', ''), ('zone-2', '', 5, 'availability_zone', ''),
    ('nova', 'zone-2', 5, 'volume_availability_zone', ''),
    ('elsewhere', '', None, 'availability_zone', ''),
]


@pytest.mark.parametrize(('zone', 'of_volumes', 'size', 'at_fault', 'expected'), ZONES)
def test_zones_are_looked_up_and_reach_volumes(
    person: Person, zone: str, of_volumes: str, size: int | None, at_fault: str | None,
    expected: str | None,
) -> None:
    labels = {'availability_zone': zone, 'volume_availability_zone': of_volumes}
    more = {'docker_volume_size': size} if size else {}
    answers = [
        person.post(labels, '?dry_run=true', **more),
        person.template('post', '?dry_run=true', {**TEMPLATE, 'labels': labels, **more}),
    ]
    for answer in answers:
        if at_fault is None:
            assert answer.status_int == 200, answer.text
            continue
        assert answer.status_int == 400
        (error,) = answer.json['errors']
        assert error['code'] == 'magnum.zone.not_found'
        assert error['source']['pointer'] == f'/labels/{at_fault}'
        assert 'It has: nova' in error['detail']
    if expected is not None and at_fault is None:
        assert answers[0].json['parameters']['volume_zone'] == expected


def test_volumes_for_etcd_are_in_the_zone_too(make: Make) -> None:
    service = make()
    person = Person(service, 'clusters')
    zone = {'availability_zone': 'zone-2'}
    for size, status in (('4', 400), ('0', 200)):
        labels = {**zone, 'etcd_volume_size': size}
        assert person.post(labels, '?dry_run=true').status_int == status
        answer = person.template('post', '?dry_run=true', {**TEMPLATE, 'labels': labels})
        assert answer.status_int == status
    # Where masters have none it says nothing, nor do workers have one.
    of_swarm = {**TEMPLATE, 'coe': 'swarm', 'labels': {**zone, 'etcd_volume_size': '4'}}
    assert person.template('post', '?dry_run=true', of_swarm).status_int == 200
    assert person.post({'etcd_volume_size': '4'}).status_int == 202
    service.settle()
    made = person.group(name='g', merge_labels=True, labels=zone)
    assert made.status_int == 202, made.text


@pytest.mark.parametrize(
    ('kind', 'more'),
    [
        ('boot', {'boot_volume_size': '20'}), ('docker', {}), ('etcd', {'etcd_volume_size': '4'}),
    ],
)
def test_types_of_volumes_are_looked_up(
    person: Person, kind: str, more: dict[str, str]
) -> None:
    of_docker = {'docker_volume_size': 5} if kind == 'docker' else {}
    label = f'{kind}_volume_type'
    for name, status in (('ssd', 200), ('sdd', 400)):
        labels = {**more, label: name}
        for answer in (
            person.post(labels, '?dry_run=true', **of_docker),
            person.template(
                'post', '?dry_run=true', {**TEMPLATE, 'labels': labels, **of_docker}
            ),
        ):
            assert answer.status_int == status, answer.text
            if status == 400:
                (error,) = answer.json['errors']
                assert error['code'] == 'magnum.volume_type.not_found'
                assert error['source']['pointer'] == f'/labels/{label}'
                assert 'It has: lvm, ssd' in error['detail']
    # Of volumes that there are none of it says nothing.
    assert person.post({label: 'sdd'}, '?dry_run=true').status_int == 200


def test_volumes_to_boot_from_are_in_the_zone_too(person: Person) -> None:
    labels = {'availability_zone': 'zone-2', 'boot_volume_size': '20'}
    assert person.post(labels, '?dry_run=true').status_int == 400
