"""``openstack bay`` in a real cloud: built, failed, tried again, followed, configured, deleted."""

import json
import os
import pathlib
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.functional.conftest import PATIENCE
from tests.functional.magnum_service import URL
from tests.functional.people import Person
from tools.devcloud import settings

_CLIENT = 'magnumclient-5.0.0'
_OVERRIDE = 'OS_CONTAINER_INFRASTRUCTURE_MANAGEMENT_ENDPOINT_OVERRIDE'


class Shell:
    """A person's shell, with the plugin in the client's environment."""

    def __init__(self, person: Person, home: pathlib.Path):
        kept = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        self.environment = {
            **kept, **person.openrc, _OVERRIDE: URL, 'HOME': str(home), 'PYTHONWARNINGS': 'ignore',
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(settings.CLIENTS / _CLIENT / 'bin/openstack'), *command], text=True,
            env=self.environment, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
        )
        assert 'Traceback' not in done.stderr, done.stderr
        return done

    def json(self, *command: str) -> Any:
        done = self.run(*command, '-f', 'json')
        assert done.returncode == 0, f'{command}: {done.stderr}'
        return json.loads(done.stdout)


@pytest.fixture(scope='module')
def shell(alice: Person, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(alice, tmp_path_factory.mktemp('alice'))


@pytest.mark.long
def test_a_life(shell: Shell) -> None:
    shell.json(
        'baymodel', 'create', 'osc-model', '--coe', 'kubernetes', '--image', 'debian-12',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
        '--external-network', settings.EXTERNAL_NETWORK,
    )
    create = ('bay', 'create', 'osc-bay', '--baymodel', 'osc-model', '--node-count', '1')
    plan = shell.json(*create, '--dry-run')
    assert plan['would_make']['servers'] == 2
    made = shell.json(*create, '--wait')
    assert made['status'] == 'CREATE_COMPLETE'

    shown = shell.json('bay', 'config', 'osc-bay')
    config = yaml.safe_load(pathlib.Path(shown['kubeconfig']).read_text())
    assert config['clusters'][0]['cluster']['server'] == made['api_address']

    plan = shell.json('bay', 'resize', 'osc-bay', '2', '--dry-run')
    assert plan['would_make']['servers'] == 1
    resized = shell.json('bay', 'resize', 'osc-bay', '2', '--wait')
    assert (resized['status'], len(resized['node_addresses'])) == ('UPDATE_COMPLETE', 2)
    rotated = shell.json('bay', 'credential', 'rotate', 'osc-bay', '--wait')
    assert rotated['state'] == 'SUCCEEDED'

    follower = subprocess.Popen(
        [str(settings.CLIENTS / _CLIENT / 'bin/openstack'), 'bay', 'event', 'list', made['uuid'],
         '--follow', '-f', 'json'],
        env=shell.environment, text=True, stdout=subprocess.PIPE,
    )
    assert shell.run('bay', 'delete', 'osc-bay', '--wait').returncode == 0
    out, _ = follower.communicate(timeout=PATIENCE)
    kinds = [json.loads(line)['kind'] for line in out.splitlines()]
    assert kinds[0] == 'bay.create.accepted'
    assert kinds[-1] == 'bay.delete.succeeded'
    assert shell.run('baymodel', 'delete', 'osc-model').returncode == 0


@pytest.mark.long
def test_a_node_that_fails_is_named_and_tried_again(
    shell: Shell, behaviours: Callable[[dict[str, str]], None]
) -> None:
    behaviours({'^osc-broken-': 'fail: step 40-docker: no space left on device'})
    shell.json(
        'baymodel', 'create', 'osc-broken-model', '--coe', 'swarm', '--image', 'debian-12',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
        '--external-network', settings.EXTERNAL_NETWORK,
    )
    done = shell.run('bay', 'create', 'osc-broken', '--baymodel', 'osc-broken-model', '--wait')
    assert done.returncode == 1
    # Heat may have made the rest of the stack by then, or not.
    assert re.search('failed at step await_(stack|nodes): ', done.stderr)
    assert 'no space left on device' in done.stderr
    assert 'Code: node_failed' in done.stderr
    (operation,) = shell.json('bay', 'operation', 'list', '--bay', 'osc-broken')
    behaviours({'^osc-broken-': 'boot'})
    again = shell.json('bay', 'operation', 'retry', operation['uuid'], '--wait')
    assert again['state'] == 'SUCCEEDED'
    assert shell.run('bay', 'delete', 'osc-broken', '--wait').returncode == 0


def test_the_two_clients_stand_side_by_side(shell: Shell) -> None:
    commands = shell.run('command', 'list', '-f', 'json').stdout
    groups = {row['Command Group']: row['Commands'] for row in json.loads(commands)}
    assert 'coe cluster create' in str(groups['openstack.container_infra.v1'])
    assert 'bay create' in str(groups['openstack.bay.v1'])
