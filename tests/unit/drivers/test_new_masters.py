"""Masters that others take the places of, in a bay that lives."""

import dataclasses
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER, Driver, PlanRefused
from magnum.drivers.heat import HeatDriver
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers import hot, plans
from tests.unit.drivers.test_nodegroups import as_heat_tells

REPLACING = [KubernetesDriver(), SwarmDriver()]
OTHERWISE: dict[str, dict[str, Any]] = {
    'master_flavor_id': {'flavor': 'm1.medium'},
    'image_id': {'image': 'ubuntu-24.04'},
    'docker_volume_size': {'docker_volume_size': 4},
}

replacing = pytest.mark.parametrize('driver', REPLACING, ids=lambda driver: driver.name)


@pytest.mark.parametrize(('field', 'changes'), OTHERWISE.items(), ids=OTHERWISE)
def test_what_another_master_may_be_made_of(field: str, changes: dict[str, Any]) -> None:
    def check(driver: Driver) -> None:
        driver.check_upgrade(
            plans.plan(driver), plans.plan(driver, masters=plans.group(MASTER, **changes))
        )

    for driver in REPLACING:
        check(driver)
    with pytest.raises(PlanRefused) as refused:
        check(MesosDriver())
    assert refused.value.field == field


def three(driver: Driver, **changes: Any) -> Any:
    return plans.plan(
        driver, masters=plans.group(MASTER, 3, **changes), workers=plans.group(WORKER, 2),
        master_lb_enabled=True,
    )


@replacing
def test_nothing_but_the_masters_of_the_batch_changes(driver: HeatDriver) -> None:
    plan = three(driver)
    built = driver.render(plan)
    allowed = built.parameters['node_ports_allowed_cidrs']
    outputs = {
        **plans.bay_outputs(driver, plan), 'open_to': {'node_ports_allowed_cidrs': allowed},
    }
    names = driver.parameter_names[driver.version]
    kept_worker = {'0': {'image': 'of old'}}
    before = as_heat_tells(dataclasses.replace(
        built, parameters={
            **built.parameters, 'kept_workers': kept_worker, 'worker_revision': 4,
            # Of an upgrade and a resize that ended among them: the bay has other values.
            names.node_image: 'of an upgrade', names.node_count: 5,
        }
    ))
    aim = three(driver, image='debian-13', flavor='large', revision=1)
    found = driver.render_upgrade(aim, aim.masters, ('1', '2'), before, outputs)
    after = as_heat_tells(found)
    of_one = {
        'revision': 0, 'image': plan.masters.image, 'flavor': plan.masters.flavor,
        'docker_volume_size': 0, 'docker_volume_type': '', 'boot_volume_size': 0,
        'boot_volume_type': '', 'volume_zone': '', 'availability_zone': '',
    }
    assert found.parameters['kept_masters'] == {'1': of_one, '2': of_one}
    changed = {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    }
    assert changed == {
        'master_image', 'master_flavor', 'master_revision', 'kept_masters',
        'update_max_batch_size',
    }
    assert driver.kept_nodes(WORKER, after) == kept_worker
    # The next batch, and workers after the last.
    told = {**outputs, 'settled': {**outputs['settled'], 'master_revision': 1}}
    second = driver.render_upgrade(aim, aim.masters, ('2',), after, told)
    assert second.parameters['kept_masters'] == {'2': of_one}
    workers = driver.render_upgrade(aim, aim.workers, (), as_heat_tells(second), told)
    assert workers.parameters['master_revision'] == 1


def revisions(driver: HeatDriver, parameters: dict[str, Any]) -> dict[str, int]:
    """That of each of three masters, by index, as the template chooses it."""
    kept = driver.kept_nodes(MASTER, parameters)
    new = {'revision': parameters['master_revision']}
    return {index: int(kept.get(index, new)['revision']) for index in '012'}


@replacing
def test_one_master_is_replaced_and_then_another(driver: HeatDriver) -> None:
    """Those that stay are as they were made, whichever was replaced before."""
    outputs = plans.bay_outputs(driver, three(driver))
    parameters = as_heat_tells(driver.render(three(driver)))
    wanted = dict.fromkeys('012', 0)
    for revision, replaced in enumerate('1201', 1):
        wanted[replaced] = revision
        aim = three(driver, revision=revision)
        stay = [index for index in '012' if index != replaced]
        parameters = as_heat_tells(
            driver.render_upgrade(aim, aim.masters, stay, parameters, outputs)
        )
        assert revisions(driver, parameters) == wanted
    told = {'master_revision': 4, 'kept_masters': driver.kept_nodes(MASTER, parameters)}
    outputs = {**outputs, 'settled': {**outputs['settled'], **told}}
    aim = three(driver, revision=4)
    workers = driver.render_upgrade(aim, aim.workers, (), parameters, outputs)
    assert revisions(driver, as_heat_tells(workers)) == wanted


@replacing
def test_new_masters_have_what_the_others_were_told(driver: HeatDriver) -> None:
    plan = three(driver)
    outputs = plans.bay_outputs(driver, plan)
    of_others = settings.parse(outputs['settled']['master_settings'])
    outputs['settled']['master_settings'] = settings.shell({
        **of_others, 'MAGNUM_VOLUME_MOUNT': 'of old', 'MAGNUM_BOOTSTRAP_URL': 'http://former/',
    })
    before = as_heat_tells(driver.render(plan))
    found = driver.render_upgrade(plan, plan.masters, (), before, outputs)
    new = settings.parse(found.parameters['master_settings'])
    assert new['MAGNUM_VOLUME_MOUNT'] == 'of old'
    assert new['MAGNUM_BOOTSTRAP_URL'] == plan.bootstrap_url, 'where the service is today'
    assert new.keys() == settings.parse(before['master_settings']).keys()


@replacing
def test_masters_know_that_they_are_not_the_first(driver: HeatDriver) -> None:
    """One would make a cluster of its own."""
    request = driver.render(three(driver))
    node = request.files['common/templates/node.yaml']
    assert "MAGNUM_NODE_REVISION='$revision'" in node
    script, word = ('60-swarm.sh', 'is_first') if driver.name == 'swarm' else (
        '50-etcd.sh', 'MAGNUM_NODE_REVISION'
    )
    files = hot.files_of(request, MASTER)
    assert word in files[f'/opt/magnum/steps/{script}']
    assert 'MAGNUM_NODE_REVISION' in files['/opt/magnum/lib.sh'], 'is_first'


def one(driver: Driver, count: int = 1, **changes: Any) -> Any:
    return plans.plan(
        driver, masters=plans.group(MASTER, count, **changes), master_lb_enabled=True
    )


@replacing
def test_a_master_joins_beside_those_that_live(driver: HeatDriver) -> None:
    """What these were made with stays; the one that joins is not the first."""
    plan = one(driver)
    outputs = plans.bay_outputs(driver, plan)
    before = as_heat_tells(driver.render(plan))
    parameters = before
    for count in (2, 3):
        aim = one(driver, count, revision=1)
        stay = [str(index) for index in range(count - 1)]
        found = driver.render_upgrade(aim, aim.masters, stay, parameters, outputs)
        after = as_heat_tells(found)
        assert int(found.parameters['number_of_masters']) == count
        assert {
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        } <= {'number_of_masters', 'master_revision', 'kept_masters', 'update_max_batch_size',
              'number_of_master_addresses', 'node_ports_allowed_cidrs', 'mesos_allowed_cidrs'}
        parameters = after
        told = {name: after[name] for name in outputs['settled'].keys() & after.keys()}
        kept = driver.kept_nodes(MASTER, parameters)
        outputs = {**outputs, 'settled': {**outputs['settled'], **told, 'kept_masters': kept}}
    assert revisions(driver, parameters) == {'0': 0, '1': 1, '2': 1}
    # And leaves.
    aim = one(driver, 2, revision=1)
    found = driver.render_upgrade(aim, aim.masters, ('0', '1'), parameters, outputs)
    assert int(found.parameters['number_of_masters']) == 2
    # Its port stays as long as its server has it.
    assert found.parameters['number_of_master_addresses'] == 3
    alone = one(driver, 1, revision=1)
    last = driver.render_upgrade(alone, alone.masters, ('0',), as_heat_tells(found), outputs)
    assert last.parameters['number_of_master_addresses'] == 3
    freed = driver.render_upgrade(alone, alone.masters, ('0',), as_heat_tells(last), outputs)
    assert freed.parameters['number_of_master_addresses'] == 0
    assert {index: kept['revision'] for index, kept in found.parameters['kept_masters'].items()} \
        == {'0': 0, '1': 1}


@replacing
def test_the_masters_know_each_other(driver: HeatDriver) -> None:
    outputs = {driver.outputs.masters_private: ['10.0.0.5', '10.0.0.6', '']}
    addresses = driver.member_addresses(outputs)
    assert addresses == ('10.0.0.5', '10.0.0.6')
    known = driver.member_settings(addresses)
    wanted = {'MAGNUM_MASTER_ADDRESSES': '10.0.0.5 10.0.0.6'}
    assert known == (wanted if driver.name == 'kubernetes' else {})


def test_the_number_of_masters_that_a_driver_can_change() -> None:
    for driver in REPLACING:
        driver.check_master_count(one(driver), 3)
    with pytest.raises(PlanRefused) as even:
        KubernetesDriver().check_master_count(one(KubernetesDriver()), 2)
    assert even.value.field == 'master_count'
    with pytest.raises(PlanRefused) as fixed:
        MesosDriver().check_master_count(plans.plan(MesosDriver()), 3)
    assert fixed.value.field == 'nodegroup'


@pytest.mark.parametrize(('driver', 'settled', 'is_lasting'), [
    (KubernetesDriver(), {'etcd_volume_size': 5}, True),
    (KubernetesDriver(), {'etcd_volume_size': '0'}, False),
    (KubernetesDriver(), {}, False),        # of an early release, whatever the label says
    (SwarmDriver(), {}, False),
    (MesosDriver(), {}, False),
], ids=lambda value: getattr(value, 'name', str(value)))
def test_a_cluster_outlives_its_only_master(
    driver: HeatDriver, settled: dict[str, Any], is_lasting: bool
) -> None:
    plan = plans.plan(driver, labels={'etcd_volume_size': '5'})
    parameters = as_heat_tells(driver.render(plan))
    assert driver.read_outputs({'settled': settled}, parameters, plan).is_lasting is is_lasting


def test_the_volume_of_the_only_master_stays_as_it_is() -> None:
    driver = KubernetesDriver()
    plan = plans.plan(
        driver, labels={'etcd_volume_size': '5', 'volume_availability_zone': 'other'}
    )
    outputs = plans.bay_outputs(driver, plan)
    outputs['settled'] |= {'volume_zone': 'zone', 'etcd_volume_size': '4'}
    aim = dataclasses.replace(plan, masters=plans.group(MASTER, image='debian-13', revision=1))
    found = driver.render_upgrade(
        aim, aim.masters, (), as_heat_tells(driver.render(plan)), outputs
    ).parameters
    assert (found['etcd_volume_size'], found['volume_zone']) == ('4', 'zone')
    assert (found['master_image'], found['kept_masters']) == ('debian-13', {})
