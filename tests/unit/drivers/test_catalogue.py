"""A file of the operator's extends what drivers know of releases."""

import json
import pathlib
import textwrap
from typing import Any

import pytest
import yaml

from magnum.drivers import catalogue, settings
from magnum.drivers import labels as rules
from magnum.drivers.catalogue import Catalogue, CatalogueInvalid
from magnum.drivers.contract import PlanRefused
from magnum.drivers.kubernetes import addons, downloads
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.registry import Registry
from tests.unit.drivers import masters, plans

RELEASE = 'v1.37.2'
DIGEST = 'ab' * 32
PROGRAMS: dict[str, Any] = {
    program: {RELEASE: {'amd64': DIGEST, 'arm64': 'cd' * 32}}
    for program in downloads.MASTER_PROGRAMS
}
WHOLE = {'kubernetes': {
    'digests': PROGRAMS,
    'charts': {'metrics-server': {'9.9.9': DIGEST}},
    'support_ends': {'v1.37': '2027-12-28'},
    'dropped_options': {'kubelet_options': {'register-node': 'v1.37'}},
    'defaults': {'coredns_tag': {'v1.37': 'v1.99.0'}},
}}


def written(folder: pathlib.Path, document: Any) -> str:
    file = folder / 'catalogue.yaml'
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return str(file)


@pytest.fixture
def driver(tmp_path: pathlib.Path) -> KubernetesDriver:
    found = Registry.from_entry_points((), written(tmp_path, WHOLE)).by_name('kubernetes')
    assert isinstance(found, KubernetesDriver)
    return found


def test_a_later_release_is_built(driver: KubernetesDriver) -> None:
    labels = {'kube_tag': RELEASE, 'metrics_server_chart_tag': '9.9.9'}
    plan = plans.plan(driver, labels=labels)
    driver.validate(plan)
    settings = driver.render(plan).parameters['master_settings']
    assert f'kubelet/{RELEASE}/amd64:{DIGEST}' in settings
    assert masters.unpacked(settings)['charts']['metrics-server']['sha256'] == DIGEST
    with pytest.raises(PlanRefused):
        KubernetesDriver().validate(plan)


def test_users_are_shown_it(driver: KubernetesDriver) -> None:
    packaged = KubernetesDriver()
    rule = driver.labels_schema()['properties']['kube_tag']
    assert rule['releases'] == [
        *packaged.labels_schema()['properties']['kube_tag']['releases'], 'v1.37'
    ]
    assert rule['support_ends']['v1.37'] == '2027-12-28'
    assert driver.capabilities.versions == (*packaged.capabilities.versions, 'v1.37')
    assert 'v1.37' not in packaged.labels_schema()['properties']['kube_tag']['releases']


@pytest.mark.parametrize(('release', 'end'), [
    ('v1.37.0', '2027-12-28'), ('v1.35.2', '2027-02-28'), ('v1.3.9', None), ('v1.20.2', None),
])
def test_the_end_of_support_is_that_of_the_line(
    driver: KubernetesDriver, release: str, end: str | None
) -> None:
    driver.extend(Catalogue(support_ends={'v1.37': '2027-12-28'}))
    assert driver.support_end(release) == end


def test_what_is_packaged_stays(driver: KubernetesDriver) -> None:
    driver.validate(plans.plan(driver))
    assert driver.capabilities.versions[:3] == ('v1.31', 'v1.32', 'v1.33')


def test_the_operators_digest_wins(tmp_path: pathlib.Path) -> None:
    """As where the operator's mirror has programs that were built anew."""
    (release, *_) = downloads.known()['kubelet']
    more = catalogue.read(written(tmp_path, {
        'kubernetes': {'digests': {'kubelet': {release: {'amd64': DIGEST}}}}
    }))['kubernetes']
    driver = KubernetesDriver()
    driver.extend(more)
    assert driver.capabilities.catalogue.digests['kubelet'][release] == {'amd64': DIGEST}
    assert driver.capabilities.catalogue.digests['kube-proxy'] == downloads.known()['kube-proxy']


def test_a_day_may_be_written_as_yaml_has_it(tmp_path: pathlib.Path) -> None:
    text = 'kubernetes: {support_ends: {v1.37: 2027-12-28}}'
    assert catalogue.read(written(tmp_path, text)) == {
        'kubernetes': Catalogue(support_ends={'v1.37': '2027-12-28'})
    }


@pytest.mark.parametrize(('document', 'said'), [
    ('kubernetes: [', 'cannot be read'),
    ({'kubernetes': {'digests': {'kubelet': {'v1.37.2': {'amd64': 'xyz'}}}}},
     'at kubernetes/digests/kubelet/v1.37.2/amd64'),
    ({'kubernetes': {'digests': {'kubelet': {'latest': {}}}}}, 'at kubernetes/digests/kubelet'),
    ({'kubernetes': {'digest': {}}}, 'at kubernetes'),
    ({'kubernetes': {'support_ends': {'v1.37': 'soon'}}}, 'at kubernetes/support_ends/v1.37'),
    ({'kubernetes': {'support_ends': {'v1.37': '2027-13-28'}}}, 'at kubernetes/support_ends/v1.37'),
    (['kubernetes'], 'at the top'),
    ({'nomad': {}}, "there is no driver 'nomad'"),
    ({'swarm': {'support_ends': {'v1.37': '2027-12-28'}}}, 'swarm keeps no catalogue'),
])
def test_a_file_that_is_not_valid_is_refused(
    tmp_path: pathlib.Path, document: Any, said: str
) -> None:
    with pytest.raises(CatalogueInvalid, match=said):
        Registry.from_entry_points((), written(tmp_path, document))


def test_the_guides_example_is_one(tmp_path: pathlib.Path) -> None:
    guide = pathlib.Path(__file__).parents[3] / 'doc/source/operator/releases.rst'
    block = guide.read_text().partition('.. code-block:: yaml\n')[2].partition('\nWhat it has')[0]
    found = catalogue.read(written(tmp_path, textwrap.dedent(block)))['kubernetes']
    assert all((found.digests, found.charts, found.support_ends))


@pytest.mark.parametrize(('labels', 'coredns', 'pause'), [
    ({'kube_tag': 'v1.31.3'}, 'v1.11.3', '3.10'),
    ({'kube_tag': 'v1.34.1'}, 'v1.12.1', '3.10.1'),
    ({}, 'v1.13.1', '3.10.1'),
    ({'kube_tag': RELEASE}, 'v1.99.0', '3.10.1'),       # the operator's; the latest of ours
    ({'kube_tag': 'v1.31.3', 'coredns_tag': 'v1.2.3', 'pause_tag': '3.9'}, 'v1.2.3', '3.9'),
])
def test_images_go_with_the_release(
    driver: KubernetesDriver, labels: dict[str, str], coredns: str, pause: str
) -> None:
    """As those that kubeadm lists for it, which mirrors have."""
    parameters = driver.render(plans.plan(driver, labels=labels)).parameters
    told = settings.parse(parameters['master_settings'])
    assert told['MAGNUM_COREDNS_IMAGE'] == f'registry.k8s.io/coredns/coredns:{coredns}'
    assert told['MAGNUM_PAUSE_IMAGE'] == f'registry.k8s.io/pause:{pause}'
    assert settings.parse(parameters['worker_settings'])['MAGNUM_PAUSE_IMAGE'].endswith(pause)
    shown = rules.resolved(driver.labels_schema(), {}, labels, {}, {})
    assert (shown['coredns_tag'].value, shown['pause_tag'].value) == (coredns, pause)


@pytest.mark.parametrize(('line', 'provider', 'shares', 'autoscaler'), [
    # The chart does not tell the driver of shares its node, and v1.31.3 does not find it out.
    ('v1.31.3', 'v1.31.3', 'v1.33.1', 'v1.31.0'), ('v1.34.3', 'v1.34.1', 'v1.34.1', 'v1.34.3'),
    ('v1.35.1', 'v1.35.0', 'v1.35.0', 'v1.35.0'),
])
def test_images_of_the_clouds_controllers_go_with_the_release(
    driver: KubernetesDriver, line: str, provider: str, shares: str, autoscaler: str
) -> None:
    """Their projects make one for each line of releases, and try it with no other."""
    labels = {
        'kube_tag': line, 'cloud_provider_enabled': 'true', 'cinder_csi_enabled': 'true',
        'manila_csi_enabled': 'true', 'ingress_controller': 'octavia',
        'octavia_ingress_controller_subnet_id': '5', 'auto_scaling_enabled': 'true',
    }
    charts = masters.unpacked(
        driver.render(plans.plan(driver, labels=labels)).parameters['master_settings']
    )['charts']
    for name, tag in (
        ('cloud-provider', provider), ('cinder-csi', provider), ('manila-csi', shares),
        ('autoscaler', autoscaler),
    ):
        assert f'"tag": "{tag}"' in json.dumps(charts[name]), name
    assert f'octavia-ingress-controller:{provider}"' in json.dumps(charts['octavia-ingress'])


def test_every_line_has_images() -> None:
    """A line of releases gets into the catalogue with all that goes with it."""
    known = KubernetesDriver().capabilities.catalogue
    for name, by_line in known.defaults.items():
        assert by_line.keys() == known.support_ends.keys(), name


def test_defaults_of_labels_that_go_with_no_release(tmp_path: pathlib.Path) -> None:
    document = {'kubernetes': {'defaults': {'flannel_backend': {'v1.37': 'vxlan'}}}}
    with pytest.raises(CatalogueInvalid, match='flannel_backend goes with no release'):
        Registry.from_entry_points((), written(tmp_path, document))


def test_options_that_a_later_release_dropped(driver: KubernetesDriver) -> None:
    """Beside those that are known; a release before it takes the option."""
    options = {'kubelet_options': '--register_node=true'}
    driver.validate(plans.plan(driver, labels={'kube_tag': 'v1.35.1', **options}))
    for more in (options, {'kubelet_options': '--pod-infra-container-image=x'}):
        with pytest.raises(PlanRefused, match='dropped it') as refused:
            driver.validate(plans.plan(driver, labels={'kube_tag': RELEASE, **more}))
        assert refused.value.field == 'labels/kubelet_options'


def test_every_chart_can_be_extended(tmp_path: pathlib.Path) -> None:
    charts = {chart: {'9.9.9': DIGEST} for chart in addons.charts()}
    found = catalogue.read(written(tmp_path, {'kubernetes': {'charts': charts}}))
    assert found['kubernetes'].charts == charts


def test_an_empty_file_adds_nothing(tmp_path: pathlib.Path) -> None:
    assert catalogue.read(written(tmp_path, '# nothing yet\n')) == {}


def test_a_file_that_is_not_there_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CatalogueInvalid, match='cannot be read'):
        catalogue.read(str(tmp_path / 'none.yaml'))
