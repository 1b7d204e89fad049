"""A step ends when the programs that it starts go on; otherwise it says which does not, and why."""

import pathlib

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import plans
from tests.unit.drivers.control_plane import Node

#: States of units are files; each look starts one again that ends.
SYSTEMCTL = """#!/bin/bash
[ "$1" = show ] || exit 0
for unit in "${@:3}"; do
    if [ -e @root/ends-$unit ]; then
        echo x >>@root/ends-$unit
        printf 'ActiveState=active\\nNRestarts=%s\\n\\n' "$(wc -l <@root/ends-$unit)"
    elif [ -e @root/waits-$unit ]; then
        printf 'ActiveState=activating\\nNRestarts=7\\n\\n'
    else
        printf 'ActiveState=active\\nNRestarts=3\\n\\n'
    fi
done
"""
JOURNALCTL = """#!/bin/bash
for word; do unit=${word#--unit=}; done
echo "I1128 23:02:25.299811  1 server.go:1] started $unit"
echo "Error: failed to parse flag of $unit: unknown flag: --no-such-option"
"""


class Started(Node):
    """A node whose systemd and journal say how units are."""

    def __init__(self, root: pathlib.Path, role: str):
        super().__init__(root, role=role)
        curl = '#!/bin/sh\necho 404\n'
        for name, text in [
            ('systemctl', SYSTEMCTL), ('journalctl', JOURNALCTL), ('curl', curl)
        ]:
            file = root / 'usr/local/bin' / name
            file.write_text(text.replace('@root', str(root)))
            file.chmod(0o755)
        server = root / 'var/lib/cloud/data/instance-id'
        server.parent.mkdir(parents=True)
        server.write_text('4a1e8ee1-8d0c-4ad6-b2c7-0ccd4f2e7a3b\n')

    def step(self, role: str) -> tuple[int, str]:
        """The status of the step of the kubelet, and what it says."""
        driver = KubernetesDriver()
        told = settings.parse(
            driver.render(plans.plan(driver)).parameters[f'{role}_settings']
        )
        done = self.run('70-kubelet', **told)
        return done.returncode, done.stdout


@pytest.mark.parametrize('role', [MASTER, WORKER])
def test_programs_that_go_on(tmp_path: pathlib.Path, role: str) -> None:
    """Whether they were started again at first does not matter."""
    status, said = Started(tmp_path, role).step(role)
    assert status == 0, said
    assert 'unknown flag' not in said


@pytest.mark.parametrize('how', ['ends', 'waits'])
@pytest.mark.parametrize(('role', 'unit'), [
    (MASTER, 'kube-controller-manager'), (MASTER, 'kube-scheduler'), (MASTER, 'kubelet'),
    (WORKER, 'kubelet'), (WORKER, 'kube-proxy'),
])
def test_a_program_that_ends_again_and_again(
    tmp_path: pathlib.Path, role: str, unit: str, how: str
) -> None:
    """As by an option in a label that its release does not know."""
    node = Started(tmp_path, role)
    (tmp_path / f'{how}-{unit}').touch()
    status, said = node.step(role)
    assert status == 1
    assert f'{unit} does not go on:' in said
    assert f'Error: failed to parse flag of {unit}: unknown flag: --no-such-option' in said
    assert said.count('does not go on') == 1
