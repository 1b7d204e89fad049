"""Baymodels, drivers, and what is refused."""

import pytest

from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model

pytestmark = pytest.mark.slow

_TIMEOUT = 120  # seconds
_MODEL = model('swarm')


def test_a_baymodel_is_made_changed_and_deleted(member: User) -> None:
    plan = member.json('baymodel', 'create', 'model', *_MODEL, '--dry-run')
    assert plan['docker_storage_driver'] == 'overlay2'
    assert plan['labels'] != {}
    assert member.json('baymodel', 'list', '--name', 'model') == []
    made = member.json('baymodel', 'create', 'model', *_MODEL, '--no-floating-ip',
                       '--docker-volume-size', '5')
    assert (made['floating_ip_enabled'], made['docker_volume_size']) == (False, 5)
    changed = member.json('baymodel', 'set', 'model', '--name', 'renamed', '--floating-ip',
                          '--label', 'kept=spread')
    assert (changed['name'], changed['floating_ip_enabled']) == ('renamed', True)
    changed = member.json('baymodel', 'unset', 'renamed', '--docker-volume-size', '--label')
    assert (changed['docker_volume_size'], changed['labels']) == (None, {})
    assert member.json('baymodel', 'show', 'renamed') == changed
    listed = member.json('baymodel', 'list', '--coe', 'swarm', '--name', 'renamed')
    assert [model['uuid'] for model in listed] == [made['uuid']]
    assert member.run('baymodel', 'delete', 'renamed').code == 0
    assert member.run('baymodel', 'delete', 'renamed').err.startswith('renamed: ')


def test_what_is_refused_names_the_option(member: User) -> None:
    done = member.run('baymodel', 'create', 'bad', *_MODEL, '--flavor', 'm1.none')
    assert done.code == 1
    assert 'Option: --flavor\nWhat to do: openstack flavor list\n' in done.err
    done = member.run('bay', 'list', '--status', 'WELL')
    assert 'Option: --status' in done.err


def test_what_is_mistyped_is_told(member: User) -> None:
    for command, said in (
        (('bay', 'resize', 'b', 'many'), 'node-count'),
        (('bay', 'create', 'b', '--baymodel', 'm', '--label', 'x'), '<key>=<value>'),
        (('bay', 'list', '--changed-since', 'then'), 'no time'),
        (('bay', 'operation', 'list', '--state', 'WELL'), 'invalid choice'),
        (('bay', 'create', 'b'), '--baymodel'),
    ):
        done = member.run(*command)
        assert done.code == 2, done
        assert said in done.err


def test_drivers_and_their_labels(member: User) -> None:
    drivers = {driver['name']: driver for driver in member.json('bay', 'driver', 'list')}
    assert drivers.keys() == {'kubernetes', 'swarm', 'mesos'}
    assert drivers['kubernetes']['nodegroups'] is True
    assert 'debian' in drivers['kubernetes']['distros']
    shown = member.json('bay', 'driver', 'show', 'kubernetes')
    assert 'kube_tag' in shown['labels']
    labels = {row['name']: row for row in member.json('bay', 'driver', 'label', 'list',
                                                      'kubernetes')}
    assert labels['flannel_backend'] == {
        'name': 'flannel_backend', 'type': 'choice', 'default': 'vxlan',
        'choices': ['vxlan', 'host-gw', 'udp'], 'deprecated': False,
        'description': 'vxlan, host-gw or udp.',
    }
    swarm = member.json('bay', 'driver', 'label', 'list', 'swarm')
    assert next(row for row in swarm if row['name'] == 'rexray_preempt')['deprecated'] is True
    assert member.run('bay', 'driver', 'show', 'none').code == 1


def test_completion_knows_the_commands(member: User) -> None:
    assert 'bay_operation' in member.run('complete').out


def test_a_service_that_is_away_is_told(service: RunningService, member: User) -> None:
    clouds = member.home / 'clouds.yaml'
    text = clouds.read_text()
    clouds.write_text(text.replace(service.url, 'http://127.0.0.1:9'))
    try:
        process = member.start('bay', 'list')
        out, err = process.communicate(timeout=_TIMEOUT)
    finally:
        clouds.write_text(text)
    assert (process.returncode, out) == (1, '')
    said, todo = err.splitlines()
    assert 'http://127.0.0.1:9/v1/clusters' in said
    assert todo.startswith('What to do: ')
