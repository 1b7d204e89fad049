"""Options in labels reach the command lines of nodes."""

import pathlib

import pytest

from magnum.drivers import settings
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


def test_the_end_of_support_is_known_for_every_release() -> None:
    rule = KubernetesDriver().labels_schema()['properties']['kube_tag']
    assert list(rule['support_ends']) == rule['releases']
    assert rule['releases'] == list(KubernetesDriver().capabilities.versions)
