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
