"""The file with which the controllers of a Kubernetes bay use the cloud, and who gets one."""

import configparser
from typing import Any

import pytest

from magnum.drivers.contract import CloudAccess, PlanRefused
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.settings import parse, shell
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers.masters import unpack
from tests.unit.drivers.plans import bay_outputs, plan

DRIVER = KubernetesDriver()
SUBNET = 'e1f0a9b8-0000-4000-8000-00000000000a'
ACCESS = CloudAccess(
    credential_id='4ba7', secret='s3cr3t-_x', auth_url='https://keystone:5000/v3',
    region='RegionOne', external_network_id='ad5e', subnet=SUBNET,
)
WANTED = {'cloud_provider_enabled': 'true'}
SCALED = {'auto_scaling_enabled': 'true'}


def read(access: CloudAccess = ACCESS, **changes: Any) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(DRIVER.cloud_configuration(plan(DRIVER, **changes), access))
    return {name: dict(parser[name]) for name in parser.sections()}


def test_the_whole_file() -> None:
    assert DRIVER.cloud_configuration(plan(DRIVER), ACCESS) == (
        '[Global]\n'
        'auth-url=https://keystone:5000/v3\n'
        'application-credential-id=4ba7\n'
        'application-credential-secret=s3cr3t-_x\n'
        'region=RegionOne\n'
        '\n[Networking]\n'
        'ipv6-support-disabled=true\n'
        '\n[LoadBalancer]\n'
        f'subnet-id={SUBNET}\n'
        'floating-network-id=ad5e\n'
        'lb-method=ROUND_ROBIN\n'
        '\n[BlockStorage]\n'
    )


def test_what_the_bay_and_the_operator_say() -> None:
    labels = {
        'octavia_provider': 'ovn', 'availability_zone': 'az1', 'volume_availability_zone': 'nova',
    }
    found = read(openstack_ca='PEM', verify_ca=False, labels=labels)
    assert found['Global']['ca-file'] == '/etc/magnum/openstack-ca.pem'
    assert found['Global']['tls-insecure'] == 'true'
    assert found['LoadBalancer']['lb-provider'] == 'ovn'
    assert found['LoadBalancer']['lb-method'] == 'SOURCE_IP_PORT'
    assert found['BlockStorage'] == {'ignore-volume-az': 'true'}
    labels['volume_availability_zone'] = 'az1'
    assert read(labels=labels)['BlockStorage'] == {}


@pytest.mark.parametrize(('region', 'written'), [
    ('a#b', '"a#b"'), ('a;b c', '"a;b c"'), ('a"b\\c', '"a\\"b\\\\c"'),
])
def test_what_would_end_a_value_is_quoted(region: str, written: str) -> None:
    access = CloudAccess('1', '2', 'http://k', region)
    assert f'region={written}\n' in DRIVER.cloud_configuration(plan(DRIVER), access)


def test_the_secret_is_not_shown() -> None:
    assert ACCESS.secret not in repr(ACCESS)


@pytest.mark.parametrize(('changes', 'is_wanted'), [
    ({}, False),
    ({'labels': WANTED}, True),
    ({'labels': {'cinder_csi_enabled': 'True'}}, True),
    ({'labels': {'cinder_csi_enabled': 'false', 'cloud_provider_enabled': ''}}, False),
    ({'volume_driver': 'cinder'}, True),
    ({'labels': {'auto_scaling_enabled': 'yes'}}, True),
])
def test_who_gets_one(changes: dict[str, Any], is_wanted: bool) -> None:
    wanted = plan(DRIVER, **changes)
    assert DRIVER.wants_cloud_credential(wanted) is is_wanted
    parameters = DRIVER.render(wanted).parameters
    told = parse(parameters['master_settings'])['MAGNUM_CLOUD_CREDENTIAL']
    assert told == ('true' if is_wanted else 'false')
    assert 'MAGNUM_CLOUD_CREDENTIAL' not in parse(parameters['worker_settings'])


@pytest.mark.parametrize('labels', [WANTED, {'cinder_csi_enabled': 'true'}])
def test_a_bay_that_exists_stays_as_it_is(labels: dict[str, str]) -> None:
    for current, target in ((plan(DRIVER), plan(DRIVER, labels=labels)),
                            (plan(DRIVER, labels=labels), plan(DRIVER))):
        DRIVER.check_upgrade(current, current)
        with pytest.raises(PlanRefused) as refused:
            DRIVER.check_upgrade(current, target)
        assert refused.value.field == f'labels/{next(iter(labels))}'


def test_a_bay_with_a_credential_gets_no_autoscaler() -> None:
    """The credential that there is opens nothing for it."""
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(
            plan(DRIVER, labels=WANTED), plan(DRIVER, labels={**WANTED, **SCALED})
        )
    assert refused.value.field == 'labels/auto_scaling_enabled'


def test_an_autoscaler_goes_as_an_add_on_does() -> None:
    current, target = plan(DRIVER, labels=SCALED), plan(DRIVER)
    DRIVER.check_upgrade(current, current)
    DRIVER.check_upgrade(current, target)
    found = DRIVER.master_settings(current, target, bay_outputs(DRIVER, current))
    assert 'autoscaler' not in unpack(found['MAGNUM_ADDONS'])['charts']
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(target, current)
    assert refused.value.field == 'labels/auto_scaling_enabled'


def test_masters_of_when_the_label_had_no_effect_get_no_autoscaler() -> None:
    """Not even with another release, which brings all add-ons anew."""
    current, target = (
        plan(DRIVER, labels={**SCALED, 'kube_tag': release}) for release in ('v1.34.3', 'v1.35.1')
    )
    outputs = bay_outputs(DRIVER, current)
    assert DRIVER.master_settings(current, target, outputs)['MAGNUM_KUBE_VERSION'] == 'v1.35.1'
    told = parse(outputs['settled']['master_settings'])
    assert 'autoscaler' in unpack(told['MAGNUM_ADDONS'])['charts']
    del told['MAGNUM_AUTO_SCALING']
    outputs['settled']['master_settings'] = shell({
        **told, 'MAGNUM_ADDONS': addons_without_it(current),
    })
    found = DRIVER.master_settings(current, target, outputs)
    assert found['MAGNUM_KUBE_VERSION'] == 'v1.35.1'
    assert 'MAGNUM_ADDONS' not in found


def addons_without_it(of: Any) -> str:
    """What masters of the bay were told when there was none."""
    labels = {**of.labels, 'auto_scaling_enabled': ''}
    request = DRIVER.render(plan(DRIVER, labels=labels))
    return parse(request.parameters['master_settings'])['MAGNUM_ADDONS']


@pytest.mark.parametrize(('labels', 'controllers', 'autoscaler'), [
    (WANTED, True, False), (SCALED, False, True), ({**WANTED, **SCALED}, True, True),
])
def test_rules_are_of_what_the_bay_has(
    labels: dict[str, str], controllers: bool, autoscaler: bool
) -> None:
    rules = DRIVER.cloud_access_rules(plan(DRIVER, labels=labels), ['network GET /**'])
    assert ('network GET /**' in rules) is controllers
    assert any(rule.endswith('/actions/resize') for rule in rules) is autoscaler
    # The operator has none: its roles alone decide, as services refuse any with rules.
    assert DRIVER.cloud_access_rules(plan(DRIVER, labels=labels), []) == ()


@pytest.mark.parametrize(('labels', 'purposes'), [
    ({}, ''),
    # An upgrade may bring the others.
    (WANTED, 'cloud-provider octavia-ingress cinder-csi'),
    ({'cinder_csi_enabled': 'true'}, 'octavia-ingress cinder-csi'),
    ({'ingress_controller': 'octavia'}, 'octavia-ingress cinder-csi'),
    (SCALED, 'autoscaler'),
    ({**SCALED, 'manila_csi_enabled': 'true'}, 'manila-csi autoscaler'),
    ({**SCALED, **WANTED}, 'cloud-provider octavia-ingress cinder-csi autoscaler'),
])
def test_what_there_are_credentials_for(labels: dict[str, str], purposes: str) -> None:
    """That which looks for networks is the first."""
    of_bay = plan(DRIVER, labels=labels)
    found = DRIVER.cloud_purposes(of_bay)
    assert list(found) == purposes.split()
    assert DRIVER.wants_cloud_credential(of_bay) is bool(found)
    rules = [DRIVER.cloud_access_rules(of_bay, ['network GET /**'], [one]) for one in found]
    assert ['network GET /**' in of_one for of_one in rules] == [
        one in ('cloud-provider', 'octavia-ingress') for one in found
    ]


def test_an_upgrade_brings_what_there_is_a_credential_for() -> None:
    """Its Secret is its own from the beginning."""
    current, target = plan(DRIVER, labels=WANTED), plan(
        DRIVER, labels={**WANTED, 'cinder_csi_enabled': 'true', 'ingress_controller': 'octavia'}
    )
    assert set(DRIVER.cloud_purposes(target)) <= set(DRIVER.cloud_purposes(current))
    found = DRIVER.master_settings(current, target, bay_outputs(DRIVER, current))
    charts = unpack(found['MAGNUM_ADDONS'])['charts']
    for name in ('cinder-csi', 'octavia-ingress'):
        assert charts[name]['cloud_secret'] == f'cloud-config-{name}'


@pytest.mark.parametrize('driver', [SwarmDriver(), MesosDriver()])
def test_other_coes_have_none(driver: Any) -> None:
    assert not driver.wants_cloud_credential(plan(driver, labels=WANTED))
