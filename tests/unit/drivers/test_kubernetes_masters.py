"""Settings of Kubernetes' masters that an upgrade changes while they live."""

import dataclasses
import re
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import BayPlan, PlanRefused
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import plans
from tests.unit.drivers.masters import unpack

DRIVER = KubernetesDriver()
OLD, NEW = 'v1.34.3', 'v1.35.1'


def plan(**labels: str) -> BayPlan:
    return plans.plan(DRIVER, labels=labels)


def changes(current: BayPlan, target: BayPlan) -> dict[str, str]:
    outputs = plans.bay_outputs(DRIVER, current)
    return dict(DRIVER.master_settings(current, target, outputs))


def test_another_release_brings_what_goes_with_it() -> None:
    found = changes(plan(kube_tag=OLD), plan(kube_tag=NEW))
    assert found.keys() == {'MAGNUM_KUBE_VERSION', 'MAGNUM_DIGESTS', 'MAGNUM_COREDNS_IMAGE'}
    assert found['MAGNUM_KUBE_VERSION'] == NEW
    assert f'kube-apiserver/{NEW}/amd64:' in found['MAGNUM_DIGESTS']
    assert DRIVER.version_of_masters(found) == NEW


def test_options_change_without_a_release() -> None:
    target = plan(kube_tag=OLD, kubeapi_options='--v=2', kubelet_options='--max-pods=50')
    assert changes(plan(kube_tag=OLD), target) == {
        'MAGNUM_KUBEAPI_OPTIONS': '--v=2', 'MAGNUM_KUBELET_OPTIONS': '--max-pods=50',
    }


def test_what_an_upgrade_left_half_done_is_told_again() -> None:
    """Some masters have it, whatever the stack says; but none goes back to a release."""
    current = plan(kube_tag=OLD)
    outputs = plans.bay_outputs(DRIVER, current)
    left = DRIVER.master_settings(current, plan(kube_tag=NEW, kubelet_options='--v=9'), outputs)
    found = DRIVER.master_settings(current, plan(kube_tag=NEW), outputs, left)
    assert found['MAGNUM_KUBELET_OPTIONS'] == ''
    assert found['MAGNUM_KUBE_VERSION'] == NEW
    found = DRIVER.master_settings(current, current, outputs, left)
    assert found.keys() == {
        'MAGNUM_KUBELET_OPTIONS', 'MAGNUM_DIGESTS', 'MAGNUM_COREDNS_IMAGE'
    }
    assert DRIVER.version_of_masters(found) is None


def test_add_ons_come_and_go() -> None:
    without = plan(metrics_server_enabled='false')
    (told,) = changes(without, plan()).values()
    assert 'metrics-server' in unpack(told)['charts']
    assert list(changes(plan(), without)) == ['MAGNUM_ADDONS']


@pytest.mark.parametrize('labels', [{}, {'kube_tag': NEW}], ids=['default', 'chosen'])
def test_a_renewal_changes_nothing(labels: dict[str, str]) -> None:
    assert changes(plan(**labels), plan(**labels)) == {}
    assert DRIVER.master_settings(plan(**labels), plan(**labels), {}) == {}


def told_of_then(current: BayPlan) -> dict[str, Any]:
    """Outputs of a stack that a release with another default made."""
    outputs = plans.bay_outputs(DRIVER, current)
    outputs['settled'] = {**outputs['settled'], 'kube_version': OLD}
    return outputs


def test_a_default_that_changed_since_leaves_masters_alone() -> None:
    current = plan()
    assert DRIVER.master_settings(current, current, told_of_then(current)) == {}


def test_digests_are_of_the_release_that_masters_have() -> None:
    """New nodes are of it, too, and could check nothing by those of another default."""
    current = plan(kube_binaries_digests=f'flanneld:{"a" * 64}')
    target = plan(kube_binaries_digests=f'flanneld:{"b" * 64}', flannel_tag='v0.27.5')
    outputs = told_of_then(current)
    found = DRIVER.master_settings(current, target, outputs)
    assert found.keys() == {'MAGNUM_DIGESTS', 'MAGNUM_FLANNEL_VERSION'}
    known = DRIVER.with_master_settings(outputs, found)
    for group in (target.workers, plans.further_group()):
        request = DRIVER.render_upgrade(target, group, (), {}, known)
        assert request.parameters['kube_version'] == OLD
        told = settings.parse(request.parameters['worker_settings'])['MAGNUM_DIGESTS']
        assert f'kubelet/{OLD}/amd64:' in told
        assert f'flanneld/v0.27.5:{"b" * 64}' in told


def test_a_default_that_masters_are_far_from_refuses_nothing() -> None:
    """Nobody asks for another release of theirs."""
    current = plans.plan(DRIVER, coe_version='v1.31.1')
    target = plans.plan(DRIVER, labels={'kubelet_options': '--v=2'}, coe_version='v1.31.1')
    DRIVER.check_upgrade(current, target)
    assert DRIVER.master_settings(current, target, {}) == {'MAGNUM_KUBELET_OPTIONS': '--v=2'}


def test_a_release_that_is_chosen_is_compared_with_what_masters_have() -> None:
    found = DRIVER.master_settings(plan(), plan(kube_tag=NEW), told_of_then(plan()))
    assert found == {'MAGNUM_KUBE_VERSION': NEW}


@pytest.mark.parametrize(('label', 'default'), [
    ('coredns_tag', 'v1.13.1'), ('cloud_provider_tag', 'v1.35.0'),
])
def test_an_image_that_is_the_default_of_today_and_not_of_then(label: str, default: str) -> None:
    """Who names it gets it; who has it already is not asked to change anything."""
    had = plan(cloud_provider_enabled='true', **{label: 'v1.2.3'})
    current = plan(cloud_provider_enabled='true')
    target = plan(cloud_provider_enabled='true', **{label: default})
    assert DRIVER.master_settings(current, current, plans.bay_outputs(DRIVER, had)) == {}
    (found,) = DRIVER.master_settings(current, target, plans.bay_outputs(DRIVER, had)).values()
    rendered = settings.parse(DRIVER.render(target).parameters['master_settings'])
    assert found in rendered.values()
    assert DRIVER.master_settings(current, target, plans.bay_outputs(DRIVER, current)) == {}


def test_new_nodes_have_what_the_masters_were_given() -> None:
    current, target = plan(kube_tag=OLD), plan(kube_tag=NEW)
    outputs = plans.bay_outputs(DRIVER, current)
    found = DRIVER.master_settings(current, target, outputs)
    known = DRIVER.with_master_settings(outputs, found)
    assert outputs['settled']['kube_version'] == OLD, 'what was given is left alone'
    for group in (target.workers, plans.further_group()):
        request = DRIVER.render_upgrade(target, group, (), {}, known)
        assert request.parameters['kube_version'] == NEW
        told = settings.parse(request.parameters['worker_settings'])
        assert f'kubelet/{NEW}/' in told['MAGNUM_DIGESTS']
    bays = DRIVER.render_upgrade(target, target.workers, (), {}, known)
    assert settings.parse(bays.parameters['master_settings']) == settings.parse(
        DRIVER.render(target).parameters['master_settings']
    )
    assert DRIVER.with_master_settings(outputs, {}) == outputs


@pytest.mark.parametrize(
    ('has', 'asked', 'message'),
    [
        ('v1.33.5', 'v1.34.1', None),
        ('v1.34.0', 'v1.34.1', None),
        ('v1.34.1', 'v1.34.0', None),
        ('v1.34.1', 'v1.33.5', 'do not go back'),
        ('v1.32.9', 'v1.34.1', 'upgrade to v1.33 first'),
        ('v1.30.14+own', 'v1.34.1', 'upgrade to v1.31 first'),
    ],
)
def test_the_path_of_releases(has: str, asked: str, message: str | None) -> None:
    current = plans.plan(DRIVER, labels={'kube_tag': asked}, coe_version=has)
    if message is None:
        DRIVER.check_upgrade(current, plan(kube_tag=asked))
        return
    with pytest.raises(PlanRefused, match=message) as refused:
        DRIVER.check_upgrade(current, plan(kube_tag=asked))
    assert refused.value.field == 'labels/kube_tag'


@pytest.mark.parametrize('label', ['flannel_network_cidr', 'service_cluster_ip_range'])
def test_what_masters_cannot_take_over(label: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(plan(), plan(**{label: '10.99.0.0/16'}))
    assert refused.value.field == f'labels/{label}'


def test_every_setting_that_changes_in_place_is_one() -> None:
    given = settings.parse(DRIVER.render(plan()).parameters['master_settings'])
    assert DRIVER.changed_in_place <= given.keys() | set(DRIVER.parameter_settings.values())


@pytest.mark.parametrize(
    ('release', 'target', 'kubelet', 'is_served'),
    [
        ('v1.34.3', 'v1.35.1', 'v1.32.3', True),
        ('v1.34.3', 'v1.35.1', 'v1.31.3', False),
        ('v1.26.1', 'v1.27.1', 'v1.25.9', True),
        ('v1.26.1', 'v1.27.1', 'v1.24.9', False),     # three since v1.28
        ('v1.27.1', 'v1.28.0', 'v1.25.9', True),
        ('v1.35.1', 'v1.35.1', 'v1.31.3', True),      # as it is already
        ('v1.34.3', 'v1.35.1', '', True),             # not known
        ('v1.34.3', 'v1.35.1', 'Debian', True),
    ],
)
def test_masters_serve_the_kubelets_that_there_are(
    release: str, target: str, kubelet: str, is_served: bool
) -> None:
    current = dataclasses.replace(plan(), coe_version=release)
    versions = {'gpu-0': {'kubelet': kubelet}, 'worker-0': {'kubelet': release}, 'other': {}}
    if is_served:
        DRIVER.check_versions(current, plan(kube_tag=target), versions)
        return
    with pytest.raises(PlanRefused, match=re.escape(f'gpu-0 ({kubelet})')) as refused:
        DRIVER.check_versions(current, plan(kube_tag=target), versions)
    assert refused.value.field == 'labels/kube_tag'
    assert 'worker-0' not in str(refused.value)


def test_a_release_that_is_not_chosen_makes_masters_no_younger() -> None:
    current = dataclasses.replace(plan(), coe_version='v1.33.5')
    DRIVER.check_versions(current, plan(), {'gpu-0': {'kubelet': 'v1.30.0'}})


def test_a_refusal_names_few_of_many_kubelets() -> None:
    versions = {f'gpu-{index}': {'kubelet': 'v1.31.3'} for index in range(7)}
    with pytest.raises(PlanRefused, match=r'gpu-4 \(v1.31.3\) and 2 more\.'):
        DRIVER.check_versions(plan(kube_tag='v1.34.3'), plan(kube_tag='v1.35.1'), versions)
