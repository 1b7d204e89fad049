"""How masters keep the add-ons of their bay."""

import json
import pathlib
import time

import pytest

from tests.unit.drivers.masters import Cluster, Master

pytestmark = pytest.mark.slow

METRICS, INGRESS = 'metrics-server', 'traefik'


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.fixture
def master(cluster: Cluster) -> Master:
    return Master(cluster)


def test_charts_are_installed_once(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS, values={'args': ['--x']})
    cluster.want(INGRESS, namespace='traefik')
    done = master.look()
    assert done.returncode == 0, done.stderr
    assert master.condition() == 'True Installed'
    release = cluster.release(METRICS)
    assert release
    assert (release['chart'], release['config']) == ('metrics-server-1.0.0', {'args': ['--x']})
    assert cluster.release(INGRESS, 'traefik')
    assert master.look().returncode == 0
    assert cluster.release(METRICS) == release, 'it is left as it is'
    assert len(master.calls()) == 3
    assert all('--proto =https --proto-redir =https ' in call for call in master.calls())


def test_the_guests_helm_is_used(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    master.install_helm()
    master.look()
    assert master.condition() == 'True Installed'


@pytest.mark.parametrize('what', ['helm', 'chart'])
def test_what_does_not_fit_its_digest_is_not_used(
    cluster: Cluster, master: Master, what: str
) -> None:
    chart = cluster.want(METRICS)
    if what == 'helm':
        cluster.helm['sha256'] = {'amd64': '1' * 64}
    else:
        chart['sha256'] = '1' * 64
    master.look()
    condition = master.condition() or ''
    assert condition.startswith('False Failing metrics-server: https://')
    assert condition.endswith(f'is not what it should be, with the digest {"1" * 64}')
    assert cluster.release(METRICS) is None
    assert cluster.ledger() == {METRICS: 'kube-system'}, 'it is noted before'


def test_without_a_digest_only_operators_let_it_pass(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS, sha256='')
    master.look()
    assert 'no digest of https://charts/' in (master.condition() or '')
    master.wait()
    master.look(insecure='true')
    assert master.condition() == 'True Installed'
    assert '--proto =https,http ' in master.calls()[-1]


def test_what_fails_is_tried_again_ever_later(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    cluster.want(INGRESS)
    cluster.fails(METRICS, 'timed out waiting for the condition')
    began = time.time()
    master.look()
    reason = 'timed out waiting for the condition Back-off pulling image'
    assert (master.condition() or '').startswith(f'False Failing metrics-server: Error: {reason}')
    assert cluster.release(INGRESS), 'the others are not held up'
    assert began + 59 < master.pauses()[METRICS] < time.time() + 61
    cluster.fails(METRICS)
    master.look()
    assert (master.condition() or '').startswith('False'), 'it is not its time'
    cluster.fails(METRICS, 'again')
    master.wait()
    master.look()
    assert began + 119 < master.pauses()[METRICS] < time.time() + 121
    cluster.fails(METRICS)
    master.wait()
    master.look()
    assert master.condition() == 'True Installed'
    release = cluster.release(METRICS)
    assert release
    assert release['info']['status'] == 'deployed'


def test_another_wish_is_tried_at_once(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    cluster.fails(METRICS, 'no')
    master.look()
    cluster.fails(METRICS)
    cluster.want(METRICS, '1.0.1')
    master.look()
    assert master.condition() == 'True Installed'


def test_a_release_that_works_stays_when_the_next_does_not(
    cluster: Cluster, master: Master
) -> None:
    cluster.want(METRICS)
    master.look()
    cluster.want(METRICS, '2.0.0')
    cluster.fails(METRICS, 'no')
    master.look()
    release = cluster.release(METRICS)
    assert release
    assert (release['chart'], release['info']['status']) == ('metrics-server-1.0.0', 'deployed')
    assert master.condition() == (
        'False Failing metrics-server: Error: no '
        'Back-off pulling image "registry.example.org/x"'
    )
    cluster.fails(METRICS)
    master.wait()
    master.look()
    release = cluster.release(METRICS)
    assert release
    assert release['chart'] == 'metrics-server-2.0.0'


def test_what_is_no_longer_wanted_is_removed(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    cluster.want(INGRESS, namespace='traefik')
    master.look()
    del cluster.charts[INGRESS]
    master.look()
    assert cluster.release(INGRESS, 'traefik') is None
    assert cluster.ledger().keys() == {METRICS}
    del cluster.charts[METRICS]
    cluster.fails(METRICS, 'no')
    master.look()
    assert master.condition() == 'False Failing metrics-server: Error: no'
    cluster.fails(METRICS)
    master.wait()
    master.look()
    assert cluster.ledger() == {}
    master.look()
    assert master.condition() is None, 'a bay without add-ons has no such condition'


def test_releases_of_others_are_let_alone(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    master.look()
    folder = cluster.root / 'releases/kube-system'
    (folder / 'own.json').write_text((folder / 'magnum-metrics-server.json').read_text())
    cluster.charts.clear()
    master.look()
    assert [file.name for file in folder.glob('*.json')] == ['own.json']


def test_only_the_first_ready_master_acts(cluster: Cluster, master: Master) -> None:
    other = Master(cluster, 'master1')
    cluster.nodes(master0=True, master1=True)
    cluster.want(METRICS)
    other.look()
    assert cluster.release(METRICS) is None
    assert other.condition() is None
    master.look()
    release = cluster.release(METRICS)
    cluster.nodes(master0=False, master1=True)
    other.look()
    master.look()
    assert (master.condition(), other.condition()) == (None, 'True Installed')
    assert cluster.release(METRICS) == release, 'what is there is taken over'
    cluster.want(METRICS, '2.0.0')
    other.look()
    assert cluster.release(METRICS) != release


def test_what_another_master_has_mended_fails_no_longer(
    cluster: Cluster, master: Master
) -> None:
    other = Master(cluster, 'master1')
    cluster.want(METRICS)
    cluster.fails(METRICS, 'no')
    master.look()
    cluster.fails(METRICS)
    cluster.nodes(master0=False, master1=True)
    other.look()
    cluster.nodes(master0=True, master1=True)
    master.look()
    assert master.condition() == 'True Installed'


@pytest.mark.parametrize('status', ['pending-install', 'pending-upgrade'])
def test_what_a_killed_helm_left_is_settled(
    cluster: Cluster, master: Master, status: str
) -> None:
    cluster.want(METRICS)
    master.look()
    cluster.want(METRICS, '2.0.0')
    now = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())
    cluster.change(METRICS, {'status': status, 'last_deployed': f'{now}.123456789Z'})
    master.look()
    assert f'Helm is at work since {now}+00:00: {status}' in (master.condition() or '')
    cluster.change(METRICS, {'status': status, 'last_deployed': '2020-01-01T10:00:00.1+01:00'})
    master.wait()
    master.look()
    release = cluster.release(METRICS)
    assert release
    assert release['chart'] == 'metrics-server-2.0.0'
    assert master.condition() == 'True Installed'


def test_what_was_half_removed_can_be_wanted_again(cluster: Cluster, master: Master) -> None:
    """Helm changes no release that it was killed in the removal of."""
    cluster.want(METRICS)
    master.look()
    cluster.want(METRICS, '2.0.0')
    cluster.change(METRICS, {'status': 'uninstalling', 'last_deployed': '2020-01-01T10:00:00Z'})
    master.look()
    assert master.condition() == 'True Installed'
    release = cluster.release(METRICS)
    assert release
    assert release['chart'] == 'metrics-server-2.0.0'


def test_a_master_that_was_killed_goes_on(cluster: Cluster, master: Master) -> None:
    """What is noted and not installed, is installed; what is noted and not wanted, removed."""
    cluster.want(METRICS)
    master.look()
    file = cluster.root / 'api/configmap-magnum-addons'
    file.write_text(json.dumps({'data': {METRICS: 'kube-system', INGRESS: 'traefik'}}))
    master.look()
    assert master.condition() == 'True Installed'
    assert cluster.ledger().keys() == {METRICS}


def test_a_password_is_made_once_and_shown_to_nobody(cluster: Cluster, master: Master) -> None:
    cluster.want(
        'monitoring', namespace='monitoring', password={'secret': 'magnum-grafana', 'user': 'admin'}
    )
    done = master.look()
    file = cluster.root / 'api/secret-magnum-grafana'
    made = json.loads(file.read_text())['stringData']
    assert made['user'] == 'admin'
    assert len(made['password']) > 20
    assert made['password'] not in done.stdout + done.stderr
    cluster.want('monitoring', '2', **{
        name: cluster.charts['monitoring'][name] for name in ('namespace', 'password')
    })
    master.look()
    assert json.loads(file.read_text())['stringData'] == made


def test_an_api_that_is_away_changes_nothing(cluster: Cluster, master: Master) -> None:
    cluster.want(METRICS)
    master.look()
    (cluster.root / 'api/away').touch()
    assert master.look().returncode != 0
    assert master.condition() == 'True Installed'


def test_a_manifest_of_the_users_is_applied_once(cluster: Cluster, master: Master) -> None:
    applied = cluster.root / 'api/applied'
    cluster.charts['manifest'] = {'manifest': 'https://users/own.yaml', 'namespace': 'default'}
    cluster.put('own.yaml', b'bad')
    master.look()
    assert master.condition() == 'False Failing manifest: error: no such kind'
    cluster.put('own.yaml', b'good')
    master.wait()
    master.look()
    master.look()
    assert master.condition() == 'True Installed'
    assert applied.read_text() == 'good'
    assert '--proto =https ' in master.calls()[-1]
    cluster.charts['manifest']['manifest'] = 'https://users/other.yaml'
    cluster.put('other.yaml', b', better')
    master.look()
    assert applied.read_text() == 'good, better'
    cluster.charts.clear()
    master.look()
    assert cluster.ledger() == {}


CLOUD, SECRET = 'cloud-provider', '[Global]\napplication-credential-secret=a-secret\n'
RESTARTED = 'daemonset/magnum-cloud-provider-pods kube-system'


def test_those_that_use_the_cloud_get_its_file(cluster: Cluster, master: Master) -> None:
    cluster.want(CLOUD, cloud=True)
    cluster.want(METRICS)
    said = [master.look()]
    assert 'cloud.conf' in (master.condition() or '')
    assert cluster.release(CLOUD) is None
    assert cluster.release(METRICS)
    master.share(SECRET)
    master.wait()
    said.append(master.look())
    assert master.condition() == 'True Installed'
    assert cluster.shared() == SECRET
    assert cluster.restarts() == []
    other = SECRET.replace('a-secret', 'another-secret')
    master.share(other)
    said.append(master.look())
    assert cluster.shared() == other
    assert cluster.restarts() == [RESTARTED], 'they read it when they start'
    said.append(master.look())
    assert cluster.restarts() == []
    assert not any('a-secret' in done.stdout + done.stderr for done in said)
    assert not any('-secret' in file.read_text() for file in master.root.glob('var/**/*.json'))
    del cluster.charts[CLOUD]
    master.look()
    assert cluster.shared() is None
    assert cluster.ledger().keys() == {METRICS}


NEWER = SECRET.replace('a-secret', 'another-secret')


@pytest.fixture
def other(cluster: Cluster, master: Master) -> Master:
    """Another one, when both have the first credential, and the first one has shared it."""
    made = Master(cluster, 'master1')
    cluster.nodes(master0=True, master1=True)
    cluster.want(CLOUD, cloud=True)
    for one in (master, made):
        one.share(SECRET, 1)
        assert one.look().returncode == 0
    assert (cluster.shared(), cluster.restarts()) == (SECRET, [])
    return made


def test_the_agent_hands_another_credential_on(
    cluster: Cluster, master: Master, other: Master
) -> None:
    """By the hook, which fails until those that use it were started anew: once."""
    for one in (other, master):
        one.share(NEWER, 2)
    (cluster.root / 'api/restarts-fail').touch()
    assert other.look('cloud').returncode not in (0, 75)
    (cluster.root / 'api/restarts-fail').unlink()
    for one in (master, other, master):
        assert one.look('cloud').returncode == 0
        assert one.look().returncode == 0
    assert cluster.shared() == NEWER
    assert cluster.restarts() == [RESTARTED]
    assert cluster.release(CLOUD)


@pytest.mark.parametrize('verb', ['cloud', ''])
def test_a_first_master_that_does_not_hear_of_it_keeps_nobody_back(
    cluster: Cluster, master: Master, other: Master, verb: str
) -> None:
    """Nor does it bring the former one back, also when it gets the first one again."""
    other.share(NEWER, 2)
    done = other.look(*filter(None, [verb]))
    assert (done.returncode, cluster.shared()) == (0, NEWER), done.stderr
    assert cluster.restarts() == [RESTARTED]
    cluster.want(METRICS)
    for nodes in ({'master0': True, 'master1': True}, {'master1': True}, {'master0': True}):
        cluster.nodes(**nodes)
        assert [one.look().returncode for one in (master, other)] == [0, 0]
        assert (cluster.shared(), cluster.restarts()) == (NEWER, [])
    assert cluster.release(METRICS), 'it acts as the first one does'
    assert not any('-secret' in text for text in cluster.ledger().values())


def test_a_master_that_was_killed_before_it_noted_it_goes_on(
    cluster: Cluster, other: Master
) -> None:
    other.share(NEWER, 2)
    noted = cluster.ledger()['.cloud']
    assert other.look('cloud').returncode == 0
    cluster.note('.cloud', noted)
    assert other.look().returncode == 0
    assert cluster.ledger()['.cloud'] != noted
    assert cluster.restarts() == [RESTARTED], 'once'


def test_the_credential_is_taken_when_no_pod_has_the_former_one(
    cluster: Cluster, master: Master, other: Master
) -> None:
    cluster.stall()
    for one in (other, master):
        one.share(NEWER, 2)
        done = one.look('cloud')
        assert done.returncode == 75
        assert done.stderr.strip() == (
            'pods that have the former credential: daemonset/magnum-cloud-provider-pods in '
            'kube-system: 1 Back-off pulling image "registry.example.org/x"'
        )
        assert one.look().returncode == 0, 'masters go on meanwhile'
    assert cluster.shared() == NEWER
    cluster.stall(False)
    assert [one.look('cloud').returncode for one in (master, other)] == [0, 0]
    assert cluster.restarts() == [RESTARTED]


def test_pods_that_end_are_not_waited_for(cluster: Cluster, other: Master) -> None:
    """Those of a node that is lost end for ever."""
    cluster.stall()
    (cluster.root / 'api/ending').touch()
    other.share(NEWER, 2)
    assert other.look('cloud').returncode == 0


def test_beside_masters_of_an_earlier_release_the_first_one_knows(
    cluster: Cluster, master: Master, other: Master
) -> None:
    """They note no generation, and bring their file whatever there is."""
    noted = cluster.ledger()['.cloud'].split()[0]
    cluster.note('.cloud', noted)
    other.share(NEWER, 2)
    done = other.look('cloud')
    assert done.returncode == 75
    assert 'the first ready master has not shared cloud-config yet' in done.stderr
    assert other.look().returncode == 0
    assert (cluster.shared(), cluster.ledger()['.cloud']) == (SECRET, noted)
    assert master.look().returncode == 0
    assert cluster.ledger()['.cloud'] == f'{noted} 1', 'a first one of this release notes it'
    assert cluster.restarts() == []
    assert other.look('cloud').returncode == 0
    assert cluster.shared() == NEWER
    cluster.note('.cloud', cluster.ledger()['.cloud'].split()[0])
    assert other.look('cloud').returncode == 0, 'it is what this one has'


CINDER, OF_CINDER = 'cinder-csi', 'cloud-config-cinder-csi'
NARROW, NARROWER = (SECRET.replace('a-secret', secret) for secret in ('narrow', 'narrower'))
RESTARTED_CINDER = 'daemonset/magnum-cinder-csi-pods kube-system'


@pytest.fixture
def apart(cluster: Cluster, master: Master, other: Master) -> Master:
    """Another one, in a bay with an add-on whose credential is its own."""
    cluster.want(CINDER, cloud=True, cloud_secret=OF_CINDER)
    for one in (master, other):
        one.share(SECRET, 1, cinder_csi=NARROW)
        assert one.look().returncode == 0
    assert cluster.restarts() == []
    return other


def test_an_add_on_has_a_secret_with_its_own_credential(
    cluster: Cluster, master: Master, apart: Master
) -> None:
    assert (cluster.shared(), cluster.shared(secret=OF_CINDER)) == (SECRET, NARROW)
    apart.share(NEWER, 2, cinder_csi=NARROWER)
    assert apart.look('cloud').returncode == 0
    for _ in range(2):
        assert (cluster.shared(), cluster.shared(secret=OF_CINDER)) == (NEWER, NARROWER)
        assert sorted(cluster.restarts()) in ([RESTARTED_CINDER, RESTARTED], [])
        # The first one has not heard of it.
        assert master.look().returncode == 0
    assert not any('narrow' in text for text in cluster.ledger().values())
    del cluster.charts[CINDER]
    assert master.look().returncode == 0
    assert (cluster.shared(), cluster.secret(OF_CINDER)) == (NEWER, None)


def test_a_master_that_was_killed_between_two_secrets_goes_on(
    cluster: Cluster, apart: Master
) -> None:
    noted = cluster.ledger()
    apart.share(NEWER, 2, cinder_csi=NARROWER)
    assert apart.look('cloud').returncode == 0
    cluster.note(f'.cloud.{OF_CINDER}', noted[f'.cloud.{OF_CINDER}'])
    (cluster.root / f'api/secret-{OF_CINDER}').unlink()
    assert apart.look().returncode == 0
    assert cluster.shared(secret=OF_CINDER) == NARROWER
    assert sorted(cluster.restarts()) == [RESTARTED_CINDER, RESTARTED], 'once each'


def test_pods_of_each_secret_are_waited_for(cluster: Cluster, apart: Master) -> None:
    cluster.stall()
    apart.share(NEWER, 2, cinder_csi=NARROWER)
    done = apart.look('cloud')
    assert done.returncode == 75
    for name in (CLOUD, CINDER):
        assert f'daemonset/magnum-{name}-pods in kube-system: 1 Back-off' in done.stderr
    cluster.stall(False)
    assert apart.look('cloud').returncode == 0


def test_an_add_on_without_a_credential_of_its_own_has_that_of_all(
    cluster: Cluster, master: Master
) -> None:
    """As where the service that made the bay's credential knew of one for all."""
    cluster.want(CINDER, cloud=True, cloud_secret=OF_CINDER)
    master.share(SECRET, 1)
    assert master.look().returncode == 0
    assert (cluster.secret('cloud-config'), cluster.shared(secret=OF_CINDER)) == (None, SECRET)
    master.share(NEWER, 2, cinder_csi=NARROW)
    assert master.look('cloud').returncode == 0
    assert cluster.shared(secret=OF_CINDER) == NARROW


def test_a_master_without_add_ons_of_the_cloud_has_nothing_to_tell(
    cluster: Cluster, master: Master
) -> None:
    master.share(NEWER, 2)
    other = Master(cluster, 'master1')
    other.share(NEWER, 2)
    for one in (other, master):
        assert one.look('cloud').returncode == 0
    cluster.want(CLOUD, cloud=True)
    assert other.look('cloud').returncode == 0, 'nobody has shared anything yet'
    assert cluster.shared() is None


def test_another_acting_master_brings_its_file(cluster: Cluster, master: Master) -> None:
    other = Master(cluster, 'master1')
    cluster.want(CLOUD, cloud=True)
    master.share(SECRET)
    master.look()
    changed = SECRET.replace('a-secret', 'another-secret')
    other.share(changed)
    cluster.nodes(master0=False, master1=True)
    other.look()
    assert cluster.shared() == changed
    assert cluster.restarts() == [RESTARTED]


def test_all_add_ons_start_anew_when_the_bay_trusts_others(
    cluster: Cluster, master: Master
) -> None:
    other = Master(cluster, 'master1')
    cluster.nodes(master0=True, master1=True)
    cluster.want(CLOUD, cloud=True)
    cluster.want(METRICS)
    master.share(SECRET)
    master.look()
    assert other.look('restart').returncode == 0, 'whoever acts'
    assert cluster.restarts() == [
        RESTARTED, 'daemonset/magnum-metrics-server-pods kube-system'
    ]


NETWORK = 'cilium'


def test_the_network_is_installed_while_no_node_is_ready(cluster: Cluster, master: Master) -> None:
    """Without it none gets ready; all others wait until one is."""
    other = Master(cluster, 'master1')
    cluster.nodes()
    cluster.want(NETWORK, network=True)
    cluster.want(METRICS)
    other.look()
    assert (cluster.release(NETWORK), other.condition()) == (None, None), 'the first one acts'
    done = master.look()
    assert done.returncode == 0, done.stderr
    network = cluster.release(NETWORK)
    assert network
    assert cluster.release(METRICS) is None
    assert master.condition() == 'Unknown Working network'
    cluster.nodes(master0=False, master1=True)
    other.look()
    assert (other.condition(), cluster.release(NETWORK)) == ('True Installed', network)
    assert cluster.release(METRICS)
    master.look()
    assert master.condition() is None


def test_without_such_an_add_on_nobody_acts_before_a_node_is_ready(
    cluster: Cluster, master: Master
) -> None:
    cluster.nodes()
    cluster.want(METRICS)
    master.look()
    assert (cluster.release(METRICS), master.condition()) == (None, None)


def test_what_holds_the_network_up_is_said(cluster: Cluster, master: Master) -> None:
    """Charts of operators are installed before their pods run, which may never do so."""
    cluster.nodes()
    cluster.want(NETWORK, network=True)
    cluster.waits('Back-off pulling image "quay.io/cilium/cilium"')
    master.look()
    assert master.condition() == (
        'False Failing network: Back-off pulling image "quay.io/cilium/cilium"'
    )
    cluster.waits('')
    master.look()
    assert master.condition() == 'Unknown Working network'


def test_a_network_that_fails_says_why_and_is_tried_again(
    cluster: Cluster, master: Master
) -> None:
    cluster.nodes()
    cluster.want(NETWORK, network=True)
    cluster.fails(NETWORK, 'timed out')
    cluster.waits('Back-off pulling image "x"')
    master.look()
    assert master.condition() == (
        'False Failing cilium: Error: timed out Back-off pulling image "x"'
    )
    cluster.fails(NETWORK)
    cluster.waits('')
    master.wait()
    master.look()
    assert cluster.release(NETWORK)
    assert master.condition() == 'Unknown Working network'


def test_nothing_is_removed_while_no_node_is_ready(cluster: Cluster, master: Master) -> None:
    cluster.want(NETWORK, network=True)
    cluster.want(METRICS)
    master.look()
    del cluster.charts[METRICS]
    cluster.nodes(master0=False)
    master.look()
    assert cluster.release(METRICS)
    assert cluster.ledger().keys() == {NETWORK, METRICS}


def test_what_an_operator_runs_starts_anew_with_it(cluster: Cluster, master: Master) -> None:
    cluster.want(NETWORK, network=True, operates='calico-system')
    master.look()
    assert master.look('restart').returncode == 0
    assert cluster.restarts() == ['deployments,daemonsets calico-system']
