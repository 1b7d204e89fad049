"""How masters keep the add-ons of their bay."""

import json
import time

import pytest

from tests.unit.drivers.masters import METRICS, Cluster, Master

pytestmark = pytest.mark.slow

INGRESS = 'traefik'


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
