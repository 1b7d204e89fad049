"""Options in labels reach the command lines of nodes."""

import pathlib

import pytest

from magnum.drivers import settings
from magnum.drivers.catalogue import Catalogue
from magnum.drivers.contract import MASTER, WORKER, PlanRefused
from magnum.drivers.kubernetes import command_lines
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import plans
from tests.unit.drivers.test_units import kubelet_arguments

OPTIONS = {
    '--eviction-hard=memory.available<500Mi': ['--eviction-hard=memory.available<500Mi'],
    '--system-reserved=cpu=5%  --v=2': ['--system-reserved=cpu=5%', '--v=2'],
    '--eviction-hard="memory.available<500Mi,nodefs.available<10%"': [
        '--eviction-hard=memory.available<500Mi,nodefs.available<10%'
    ],
    "--x='$HOME `id` $(id) %n ; & | * ?[a]'": None,
    "--x='$HOME;`id`;$(id);%n&|*?[a]#!{}~^'": ['--x=$HOME;`id`;$(id);%n&|*?[a]#!{}~^'],
    r'--x=back\\slash --y=\"q\"': [r'--x=back\slash', '--y="q"'],
    '--node-labels=ort=münchen': ['--node-labels=ort=münchen'],
}


@pytest.mark.parametrize(('options', 'words'), OPTIONS.items())
def test_from_the_label_to_the_unit(
    tmp_path: pathlib.Path, options: str, words: list[str] | None
) -> None:
    """Label, setting, file that nodes read, unit that systemd reads."""
    driver = KubernetesDriver()
    plan = plans.plan(driver, labels={'kubelet_options': options})
    if words is None:
        with pytest.raises(PlanRefused, match='blank'):
            driver.validate(plan)
        return
    driver.validate(plan)
    for role in (MASTER, WORKER):
        told = settings.parse(driver.render(plan).parameters[f'{role}_settings'])
        arguments = kubelet_arguments(tmp_path / role, told['MAGNUM_KUBELET_OPTIONS'])
        assert arguments[-len(words):] == words


def test_every_label_of_options_is_one() -> None:
    named = {
        name for name in KubernetesDriver().labels_schema()['properties']
        if name.startswith('kube') and name.endswith('_options')
    }
    assert named == set(command_lines.LABELS)


@pytest.mark.parametrize(
    ('labels', 'field'),
    [
        ({'kube_tag': 'v1.35.1', 'kubelet_options': '--pod_infra-container-image=x'},
         'kubelet_options'),
        ({'kube_tag': 'v1.34.1', 'kubelet_options': '--pod-infra-container-image=x'}, None),
        ({'kube_tag': 'v1.33.5', 'kubeapi_options': '--v=2 --cloud-provider external'},
         'kubeapi_options'),
        ({'kube_tag': 'v1.32.3', 'kubeapi_options': '--cloud-provider=external'}, None),
        ({'kube_tag': 'v1.33.5', 'kubelet_options': '--cloud-provider=external'}, None),
        ({'kube_tag': 'v1.34.1', 'kubelet_options': '--cloud-config=x'}, 'kubelet_options'),
        ({'kube_tag': 'v1.33.5', 'kubelet_options': '--cloud-config=x'}, None),
    ],
)
def test_options_that_a_release_dropped(labels: dict[str, str], field: str | None) -> None:
    """Otherwise the first that knows is a program that ends at once."""
    driver = KubernetesDriver()
    plan = plans.plan(driver, labels=labels)
    if field is None:
        driver.validate(plan)
        return
    with pytest.raises(PlanRefused, match='dropped it') as refused:
        driver.validate(plan)
    assert refused.value.field == f'labels/{field}'
    driver.check_upgrade(plan, plan)        # what a living bay has, it keeps


@pytest.mark.parametrize(('release', 'label', 'text', 'says'), [
    ('v1.35.1', 'admission_control_list', 'NodeRestriction,PodSecurityPolicy',
     'PodSecurityPolicy is no admission plugin of v1.35.1: v1.25 dropped it.'),
    ('v1.31.14', 'admission_control_list', 'SecurityContextDeny', 'v1.30 dropped it.'),
    ('v1.31.14', 'admission_control_list', 'PersistentVolumeLabel', 'v1.31 dropped it.'),
    ('v1.35.1', 'admission_control_list', 'AlwaysPullImage',
     'AlwaysPullImage is no admission plugin of v1.35.1.'),
    ('v1.31.14', 'admission_control_list', 'PodTopologyLabels', 'is no admission plugin'),
    ('v1.34.1', 'kubeapi_options', '--enable-admission-plugins=PodSecurityPolicy', 'dropped it'),
    ('v1.34.1', 'kubeapi_options', '--v=2 --enable_admission_plugins A,PodSecurity', 'A is no'),
    ('v1.34.1', 'kubeapi_options', '--disable-admission-plugins=\\"Initializers\\"',
     'Initializers is no'),
    ('v1.34.1', 'kubeapi_options', '--admission-control=DenyEscalatingExec', 'DenyEscalatingExec'),
    # An operator's release: what dropped them is known, what is new is not.
    ('v1.36.0', 'admission_control_list', 'PodSecurityPolicy', 'dropped it.'),
])
def test_admission_plugins_that_a_release_has_not(
    release: str, label: str, text: str, says: str
) -> None:
    """The API server would not start, on any master."""
    driver = KubernetesDriver()
    driver.extend(Catalogue(support_ends={'v1.36': '2027-06-28'}))
    plan = plans.plan(
        driver, labels={'kube_tag': release, label: text}, insecure_downloads=True
    )
    with pytest.raises(PlanRefused) as refused:
        driver.validate(plan)
    assert refused.value.field == f'labels/{label}'
    assert says in refused.value.reason
    driver.check_upgrade(plan, plan)        # what a living bay has, it keeps


@pytest.mark.parametrize(('release', 'labels'), [
    ('v1.35.1', {'admission_control_list': (
        'NodeRestriction,NamespaceLifecycle,LimitRanger,ServiceAccount,ResourceQuota,'
        'TaintNodesByCondition,Priority,DefaultTolerationSeconds,DefaultStorageClass,'
        'StorageObjectInUseProtection,PersistentVolumeClaimResize,RuntimeClass,'
        'MutatingAdmissionWebhook,ValidatingAdmissionWebhook,AlwaysPullImages'
    )}),
    ('v1.33.5', {'admission_control_list': 'PodTopologyLabels'}),
    ('v1.35.1', {'kubeapi_options': (
        '--enable-admission-plugins EventRateLimit,NodeRestriction --v PodSecurityPolicy'
    )}),
    ('v1.36.0', {'admission_control_list': 'OfTomorrow'}),
])
def test_admission_plugins_that_a_release_has(release: str, labels: dict[str, str]) -> None:
    driver = KubernetesDriver()
    driver.extend(Catalogue(support_ends={'v1.36': '2027-06-28'}))
    driver.validate(plans.plan(
        driver, labels={'kube_tag': release, **labels}, insecure_downloads=True
    ))


def test_upgrades_to_a_release_without_the_plugin_are_refused() -> None:
    driver = KubernetesDriver()
    driver.extend(Catalogue(dropped_options={'admission_control_list': {'AlwaysDeny': 'v1.35'}}))
    current, target = (
        plans.plan(driver, labels={'kube_tag': release, 'admission_control_list': 'AlwaysDeny'})
        for release in ('v1.34.3', 'v1.35.1')
    )
    driver.validate(current)
    with pytest.raises(PlanRefused, match='dropped it') as refused:
        driver.check_upgrade(current, target)
    assert refused.value.field == 'labels/admission_control_list'


def test_the_end_of_support_is_known_for_every_release() -> None:
    rule = KubernetesDriver().labels_schema()['properties']['kube_tag']
    assert list(rule['support_ends']) == rule['releases']
    assert rule['releases'] == list(KubernetesDriver().capabilities.versions)
