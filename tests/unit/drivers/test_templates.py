"""The stacks that drivers ask for, looked at without Heat."""

import base64
import json
import re
import shlex
from typing import Any

import pytest

from magnum.drivers import templates, user_data
from magnum.drivers.common.node.agent import directives
from magnum.drivers.contract import MASTER, WORKER, Driver, PlanRefused, StackRequest
from tests.unit.drivers import hot, plans

ROLES = (MASTER, WORKER)
KINDS = ('bay', 'nodegroup')

every_driver = pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
every_option = pytest.mark.parametrize('options', plans.OPTIONS.values(), ids=plans.OPTIONS)


every_kind = pytest.mark.parametrize('kind', KINDS)


def rendered(driver: Driver, kind: str = 'bay', **changes: Any) -> StackRequest:
    """A bay's stack, or that of a further group in it."""
    plan = plans.plan(driver, **changes)
    if kind == 'bay':
        return driver.render(plan)
    group = plans.further_group(docker_volume_size=plan.workers.docker_volume_size)
    return driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))


@every_driver
@every_kind
@every_option
def test_parameters_are_those_of_the_template(
    driver: Driver, kind: str, options: dict[str, Any]
) -> None:
    driver.validate(plans.plan(driver, **options))
    request = rendered(driver, kind, **options)
    declared = hot.parse(request.template)['parameters']
    required = {name for name, schema in declared.items() if 'default' not in schema}
    assert required <= set(request.parameters) <= set(declared)


@every_driver
@every_kind
def test_every_parameter_has_a_use(driver: Driver, kind: str) -> None:
    template = hot.parse(rendered(driver, kind).template)
    used = json.dumps([template.get('conditions'), template['resources']])
    for name in template['parameters']:
        assert f'{{"get_param": "{name}"}}' in used, name


@every_driver
@every_kind
def test_nested_templates_get_what_they_declare(driver: Driver, kind: str) -> None:
    request = rendered(driver, kind)
    for text in (request.template, *_nested(request.files)):
        for name, resource in hot.parse(text)['resources'].items():
            definition = resource.get('properties', {}).get('resource_def', resource)
            if not definition['type'].endswith('.yaml'):
                continue
            declared = hot.parse(request.files[definition['type']]).get('parameters', {})
            required = {key for key, schema in declared.items() if 'default' not in schema}
            assert required <= set(definition.get('properties', ())) <= set(declared), name


@every_driver
@every_kind
def test_all_files_are_sent_and_plain(driver: Driver, kind: str) -> None:
    request = rendered(driver, kind)
    for text in (request.template, *_nested(request.files)):
        assert set(templates.references(text)) <= set(request.files)
    assert all(text.isascii() for text in request.files.values())


@every_driver
@every_kind
def test_secrets_are_hidden_parameters(driver: Driver, kind: str) -> None:
    request = rendered(driver, kind)
    declared = hot.parse(request.template)['parameters']
    for name, value in request.parameters.items():
        if value in plans.TOKENS.values():
            assert declared[name]['hidden'] is True
        else:
            assert not any(token in str(value) for token in plans.TOKENS.values())


@every_driver
@every_kind
def test_servers_survive_new_user_data(driver: Driver, kind: str) -> None:
    request = rendered(driver, kind)
    servers = [
        resource['properties']
        for text in _nested(request.files)
        for resource in hot.parse(text)['resources'].values()
        if resource['type'] == 'OS::Nova::Server'
    ]
    assert servers
    for server in servers:
        assert server['user_data_format'] == 'RAW'
        assert server['user_data_update_policy'] == 'IGNORE'


@every_driver
@pytest.mark.parametrize(
    ('kind', 'role'), [('bay', MASTER), ('bay', WORKER), ('nodegroup', WORKER)]
)
def test_user_data_is_small_and_holds_no_credential(driver: Driver, kind: str, role: str) -> None:
    request = rendered(
        driver,
        kind,
        http_proxy='http://proxy.example.org:3128',
        https_proxy='http://proxy.example.org:3128',
        no_proxy=','.join(f'host-{number}.example.org' for number in range(20)),
        openstack_ca='x' * 6000,
        insecure_registry='registry.example.org:5000',
    )
    text = hot.user_data(request, role)
    # Nova takes 65,535 bytes.
    assert len(base64.b64encode(text.encode())) < 32 * 1024
    assert text.count(plans.TOKENS[role]) == 1
    other_role = WORKER if role == MASTER else MASTER
    assert plans.TOKENS[other_role] not in text
    for secret in ('password', 'PRIVATE KEY-', 'trust_id', 'OS_AUTH', 'X-Auth-Token'):
        assert secret not in text


@every_driver
@pytest.mark.parametrize('role', ROLES)
def test_node_env_names_what_the_scripts_read(driver: Driver, role: str) -> None:
    plan = plans.plan(driver, name="it's a $bay", labels={})
    files = hot.files_of(driver.render(plan), role)
    settings = dict(word.split('=', 1) for word in shlex.split(files['/etc/magnum/node.env']))
    assert settings['MAGNUM_BAY_NAME'] == "it's a $bay"
    assert settings['MAGNUM_NODE_ROLE'] == role
    assert settings['MAGNUM_CERTIFICATES'].split() == list(driver.node_certificates(role))
    scripts = ''.join(text for path, text in files.items() if path.startswith('/opt/'))
    read = set(re.findall(r'\bMAGNUM_[A-Z_]+\b', scripts))
    optional = set(re.findall(r"\$\{(MAGNUM_[A-Z_]+):-|get\('(MAGNUM_[A-Z_]+)'", scripts))
    optional = {name for names in optional for name in names}
    # The agent sets what a directive says, and takes what is not there for empty.
    told = {name for verb in directives.VERBS.values() for name, _ in verb.values()}
    optional |= told | {
        'MAGNUM_SERVICE_ADDRESS', 'MAGNUM_CLOUD_CREDENTIAL', 'MAGNUM_KNOWS_PURPOSES',
    }
    assert read - optional - {'MAGNUM_CERTIFICATE_NAMES_'} <= set(settings)


@every_driver
@pytest.mark.parametrize('role', ROLES)
def test_nodes_with_certificates_follow_their_bay(driver: Driver, role: str) -> None:
    plan = plans.plan(driver, trust_interval=77)
    files = hot.files_of(driver.render(plan), role)
    settings = dict(word.split('=', 1) for word in shlex.split(files['/etc/magnum/node.env']))
    assert settings['MAGNUM_TRUST_SECONDS'] == '77'
    follows = bool(settings['MAGNUM_CERTIFICATES'])
    assert follows is (driver.name != 'mesos')
    for path in ('/opt/magnum/trust.sh', '/opt/magnum/steps/95-trust.sh'):
        assert (path in files) is follows
    steps = sorted(path for path in files if path.startswith('/opt/magnum/steps/'))
    assert not follows or steps[-1].endswith('/95-trust.sh')


@every_driver
@every_kind
def test_stacks_tell_the_names_of_their_nodes(driver: Driver, kind: str) -> None:
    request = rendered(driver, kind)
    template = hot.parse(request.template)
    expected = {'node_names': 'worker', 'master_names': 'master'}
    if kind == 'nodegroup':
        del expected['master_names']
    for output, role in expected.items():
        (function,) = template['outputs'][output]['value'].items()
        assert function[0] == 'get_attr'
        group, attribute = function[1]
        definition = template['resources'][group]['properties']['resource_def']
        assert f'{role}_settings' in json.dumps(definition)
        member = hot.parse(request.files[definition['type']])
        assert member['outputs'][attribute]['value'] == {'get_param': 'name'}
        assert "MAGNUM_NODE_NAME='$name'" in json.dumps(member['resources']['user_data'])


@every_driver
@pytest.mark.parametrize('role', ROLES)
def test_order_of_steps_is_clear(driver: Driver, role: str) -> None:
    files = hot.files_of(driver.render(plans.plan(driver)), role)
    numbers = [
        path.rsplit('/', 1)[1][:2] for path in files if path.startswith('/opt/magnum/steps/')
    ]
    assert len(numbers) == len(set(numbers)) > 4
    assert all(number.isdigit() for number in numbers)


@every_driver
@pytest.mark.parametrize('role', ROLES)
def test_steps_source_only_what_the_node_has(driver: Driver, role: str) -> None:
    files = hot.files_of(driver.render(plans.plan(driver)), role)
    for path, text in files.items():
        for sourced in re.findall(r'^\. (/opt/\S+)', text, re.MULTILINE):
            assert sourced in files, path


def test_a_minion_is_a_node_with_the_autoscalers_name() -> None:
    def named(name: str) -> dict[str, Any]:
        template = hot.parse(templates.read(name).replace('kube-minion', 'server'))
        del template['description']
        return template

    assert named('kubernetes/templates/minion.yaml') == named('common/templates/node.yaml')


@every_kind
def test_names_that_the_autoscaler_reads(kind: str) -> None:
    template = hot.parse(templates.read(f'kubernetes/templates/{kind}.yaml'))
    assert 'kube_minions' in template['resources']
    assert template['outputs']['refs_map']['value'] == {'get_attr': ['kube_minions', 'refs_map']}
    minion = hot.parse(templates.read('kubernetes/templates/minion.yaml'))
    assert minion['outputs']['OS::stack_id']['value'] == {'get_resource': 'kube-minion'}


@pytest.mark.parametrize(
    ('folder', 'group'),
    [
        ('kubernetes', 'secgroup_kube_minion'),
        ('swarm', 'secgroup_swarm_node'),
        ('mesos', 'secgroup_mesos_slave'),
    ],
)
def test_published_ports_stay_in_the_group_that_bays_have(folder: str, group: str) -> None:
    """Further groups of a bay keep theirs when it alone is upgraded."""
    resources = hot.parse(templates.read(f'{folder}/templates/bay.yaml'))['resources']
    opened = {
        name for name, resource in resources.items()
        if resource['type'] == 'OS::Neutron::SecurityGroup'
        and 'node_ports_allowed_cidrs' in json.dumps(resource)
    }
    assert opened == {group}


def test_published_ports_are_open_at_managers_as_at_workers() -> None:
    """Managers run tasks, too."""
    resources = hot.parse(templates.read('swarm/templates/bay.yaml'))['resources']
    of_managers, of_workers = (
        resources[name]['properties']['resource_def']['properties']['security_groups']
        for name in ('swarm_master_addresses', 'swarm_nodes')
    )
    assert [group for group in of_workers if group not in of_managers] == []


def _nested(files: Any) -> list[str]:
    return [text for name, text in files.items() if '/templates/' in name]


@every_driver
@pytest.mark.parametrize('role', [MASTER, WORKER])
def test_the_size_of_user_data_is_known_before(
    driver: Driver, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = rendered(driver, openstack_ca='a certificate\n' * 300)
    encoded = len(base64.b64encode(hot.user_data(request, role).encode()))
    parts = request.files, request.parameters, role
    monkeypatch.setattr(user_data, 'LIMIT', encoded + 500)
    user_data.check(*parts)
    monkeypatch.setattr(user_data, 'LIMIT', encoded)
    with pytest.raises(PlanRefused, match=f'user data of a {role}'):
        user_data.check(*parts)


@every_driver
def test_what_nova_would_refuse_is_refused(driver: Driver) -> None:
    driver.validate(plans.plan(driver, no_proxy='x' * 100))
    with pytest.raises(PlanRefused, match='user data of a master') as refused:
        driver.validate(plans.plan(driver, no_proxy='x' * 40_000))
    assert refused.value.field == 'labels'
