"""What Kubernetes bays are closed by, from their labels to the programs' options."""

import pathlib
from typing import Any

import pytest
import yaml

from magnum.drivers import settings
from magnum.drivers.common.node.agent import logins
from magnum.drivers.contract import BayPlan, PlanRefused
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests import cis
from tests.unit.drivers import plans
from tests.unit.drivers.control_plane import KEY, Node

DRIVER = KubernetesDriver()
API = 'kube-apiserver'
NAMES = (
    'MAGNUM_AUDIT_LOG', 'MAGNUM_KEYSTONE_AUTH', 'MAGNUM_POD_SECURITY',
    'MAGNUM_SYSTEM_PODS_DELAY', 'MAGNUM_SYSTEM_PODS_TIMEOUT',
)


def plan(**labels: str) -> BayPlan:
    return plans.plan(DRIVER, labels=labels)


def told(**labels: str) -> dict[str, str]:
    """Settings of masters."""
    return settings.parse(DRIVER.render(plan(**labels)).parameters['master_settings'])


def start(root: pathlib.Path, release: str = 'v1.35.1', **labels: str) -> Node:
    """A master after the steps that start programs."""
    node = Node(root, release)
    node.give_key(KEY)
    for step in ('50-etcd', '60-control-plane', '70-kubelet'):
        done = node.run(step, **told(**labels))
        assert done.returncode == 0, done.stderr
    return node


@pytest.fixture(scope='module')
def master(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return start(tmp_path_factory.mktemp('master'))


@pytest.mark.parametrize('check', cis.OF_OPTIONS, ids=lambda check: check.name)
def test_checks_of_the_benchmark(master: Node, check: cis.Check) -> None:
    assert check.holds(master.options(check.unit))


def test_checks_of_kubelets(master: Node) -> None:
    config = yaml.safe_load((master.etc / 'kubelet.yaml').read_text())
    assert cis.faults_of_kubelet(config) == []


def test_only_root_reads_what_etcd_keeps(master: Node) -> None:
    assert (master.root / 'var/lib/magnum-etcd').stat().st_mode & 0o777 == 0o700


def test_the_api_server_that_stands_in_is_as_closed(master: Node) -> None:
    stand_in, own = (master.options(unit) for unit in (f'{API}-stand-in', API))
    assert stand_in == own


@pytest.mark.parametrize('option', ['anonymous-auth=true', 'profiling=true', 'audit-log-maxage=1'])
def test_users_have_the_last_word(tmp_path: pathlib.Path, option: str) -> None:
    node = start(tmp_path, kubeapi_options=f'--{option}')
    name, _, value = option.partition('=')
    assert node.options(API)[name] == value


# What is logged ------------------------------------------------------------------------
def level(policy: Any, **request: Any) -> str:
    """The level of a request: that of the first rule that fits, as the API server has it."""
    def fits(rule: Any) -> bool:
        if 'userGroups' in rule and not set(rule['userGroups']) & set(request.get('groups', ())):
            return False
        if 'users' in rule and request.get('user') not in rule['users']:
            return False
        if 'verbs' in rule and request['verb'] not in rule['verbs']:
            return False
        if 'nonResourceURLs' in rule:
            assert rule['nonResourceURLs'] == ['*']
            return 'path' in request
        if 'resources' in rule:
            return any(
                each.get('group', '') == request.get('group', '')
                and request.get('resource') in each.get('resources', [request.get('resource')])
                for each in rule['resources']
            ) and 'path' not in request
        return True

    found: str = next(rule['level'] for rule in policy['rules'] if fits(rule))
    return found


@pytest.mark.parametrize(
    ('request_', 'expected'),
    [
        ({'verb': 'get', 'resource': 'secrets'}, 'Metadata'),
        ({'verb': 'get', 'resource': 'secrets', 'groups': ['system:nodes']}, 'Metadata'),
        ({'verb': 'create', 'resource': 'pods', 'groups': ['system:nodes']}, 'Metadata'),
        ({'verb': 'list', 'resource': 'pods', 'groups': ['system:nodes']}, 'None'),
        ({'verb': 'list', 'resource': 'pods', 'groups': ['system:masters']}, 'Metadata'),
        ({'verb': 'list', 'resource': 'pods', 'user': 'system:kube-scheduler'}, 'None'),
        ({'verb': 'create', 'resource': 'pods', 'user': 'system:kube-scheduler'}, 'Metadata'),
        ({'verb': 'delete', 'group': 'apps', 'resource': 'deployments'}, 'Metadata'),
        ({'verb': 'update', 'group': 'coordination.k8s.io', 'resource': 'leases'}, 'None'),
        ({'verb': 'create', 'resource': 'events'}, 'None'),
        ({'verb': 'get', 'path': '/readyz'}, 'None'),
    ],
)
def test_what_is_logged(master: Node, request_: dict[str, Any], expected: str) -> None:
    policy = yaml.safe_load(pathlib.Path(master.options(API)['audit-policy-file']).read_text())
    assert (policy['apiVersion'], policy['kind']) == ('audit.k8s.io/v1', 'Policy')
    assert level(policy, **request_) == expected
    # No contents: those of Secrets would be in the log.
    assert {rule['level'] for rule in policy['rules']} == {'None', 'Metadata'}


def test_the_log_is_bounded_by_labels(tmp_path: pathlib.Path) -> None:
    node = start(
        tmp_path, audit_log_max_age='7', audit_log_max_backup='3', audit_log_max_size='20'
    )
    found = node.options(API)
    assert [found[f'audit-log-max{bound}'] for bound in ('age', 'backup', 'size')] == [
        '7', '3', '20'
    ]


def test_nothing_is_logged_where_a_label_says_so(tmp_path: pathlib.Path) -> None:
    node = start(tmp_path, audit_log_enabled='no')
    assert not [name for name in node.options(API) if name.startswith('audit')]
    assert not (node.etc / 'audit.yaml').exists()


# What pods may ask for -----------------------------------------------------------------
@pytest.mark.parametrize('standard', ['', 'privileged', 'restricted'])
def test_pods_are_held_to_a_standard(tmp_path: pathlib.Path, standard: str) -> None:
    node = start(tmp_path, pod_security_standard=standard)
    file = pathlib.Path(node.options(API)['admission-control-config-file'])
    found = yaml.safe_load(file.read_text())
    assert (found['apiVersion'], found['kind']) == (
        'apiserver.config.k8s.io/v1', 'AdmissionConfiguration'
    )
    (plugin,) = found['plugins']
    assert plugin['name'] == 'PodSecurity'
    config = plugin['configuration']
    assert (config['apiVersion'], config['kind']) == (
        'pod-security.admission.config.k8s.io/v1', 'PodSecurityConfiguration'
    )
    expected = standard or 'baseline'
    assert config['defaults'] == {'enforce': expected, 'warn': expected}
    assert set(config['exemptions']['namespaces']) == {
        'kube-system', *(entry['namespace'] for entry in addons.table().values()),
        'calico-system',    # made by the operator of Calico
    }


def test_releases_before_standards_know_none(tmp_path: pathlib.Path) -> None:
    """Their API server would not start with a configuration of a plugin that it has not."""
    assert 'admission-control-config-file' in start(tmp_path / 'a', 'v1.25.0').options(API)
    assert 'admission-control-config-file' not in start(tmp_path / 'b', 'v1.24.9').options(API)
    with pytest.raises(PlanRefused, match=r'v1\.25') as refused:
        DRIVER.validate(plan(kube_tag='v1.24.9', pod_security_standard='restricted'))
    assert refused.value.field == 'labels/pod_security_standard'


# Bays that live ------------------------------------------------------------------------
def outputs(current: BayPlan, is_old: bool) -> dict[str, Any]:
    """Of a bay's stack; an earlier release did not tell masters of it."""
    found = plans.bay_outputs(DRIVER, current)
    text = found['settled']['master_settings']
    known = {
        name: value for name, value in settings.parse(text).items()
        if not is_old or name not in NAMES
    }
    return {**found, 'settled': {**found['settled'], 'master_settings': settings.shell(known)}}


def test_masters_that_know_it_follow_the_labels() -> None:
    current = plan()
    target = plan(pod_security_standard='restricted', audit_log_max_age='90')
    assert DRIVER.master_settings(current, target, outputs(current, is_old=False)) == {
        'MAGNUM_POD_SECURITY': 'restricted', 'MAGNUM_AUDIT_LOG': 'age=90 backup=10 size=100',
    }


def test_masters_of_an_earlier_release_are_told_nothing_of_it() -> None:
    """Not as defaults of another release of Kubernetes, either: they could not follow."""
    current = plan(kube_tag='v1.34.3')
    found = DRIVER.master_settings(
        current, plan(kube_tag='v1.35.1'), outputs(current, is_old=True)
    )
    assert found.keys() == {
        'MAGNUM_KUBE_VERSION', 'MAGNUM_DIGESTS', 'MAGNUM_COREDNS_IMAGE'
    }


@pytest.mark.parametrize(('label', 'value'), [
    ('audit_log_enabled', 'false'), ('audit_log_max_size', '20'),
    ('pod_security_standard', 'restricted'), ('pod_security_standard', 'baseline'),
    ('keystone_auth_enabled', 'true'), ('system_pods_timeout', '20'),
    ('system_pods_initial_delay', '60'),
])
def test_who_asks_for_it_there_is_told_so(label: str, value: str) -> None:
    """By the default, too: these masters do not have it."""
    current = plan()
    with pytest.raises(PlanRefused, match='make a new bay') as refused:
        DRIVER.master_settings(current, plan(**{label: value}), outputs(current, is_old=True))
    assert refused.value.field == f'labels/{label}'


# Who may log in ------------------------------------------------------------------------
def test_tokens_of_keystone_are_asked_about(tmp_path: pathlib.Path) -> None:
    node = start(tmp_path, keystone_auth_enabled='yes')
    found = node.options(API)
    assert found['authentication-token-webhook-version'] == 'v1'
    config = yaml.safe_load(
        pathlib.Path(found['authentication-token-webhook-config-file']).read_text()
    )
    (cluster,) = config['clusters']
    assert cluster['cluster'] == {
        'server': f'https://{logins.HOST}:{logins.PORT}/',
        'certificate-authority': str(node.certificates / 'ca.pem'),
    }
    services = node.root / 'etc/magnum/services'
    assert 'magnum-logins' in services.read_text().split()
    unit = node.root / 'etc/systemd/system/magnum-logins.service'
    assert 'agent.logins' in unit.read_text()
    # The label of another baymodel takes it back.
    assert node.run('60-control-plane', **told(keystone_auth_enabled='false')).returncode == 0
    assert not [name for name in node.options(API) if 'webhook' in name]
    assert not unit.exists()
    assert 'magnum-logins' not in services.read_text().split()


def test_no_token_is_asked_about_by_default(master: Node) -> None:
    assert not [name for name in master.options(API) if 'webhook' in name]
