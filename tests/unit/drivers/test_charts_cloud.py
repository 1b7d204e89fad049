"""How masters hand the credentials of their bay to add-ons that use the cloud."""

import pytest

from tests.unit.drivers.masters import METRICS, Cluster, Master

pytestmark = pytest.mark.slow

CLOUD, SECRET = 'cloud-provider', '[Global]\napplication-credential-secret=a-secret\n'
NEWER = SECRET.replace('a-secret', 'another-secret')
RESTARTED = 'daemonset/magnum-cloud-provider-pods kube-system'
CINDER, OF_CINDER = 'cinder-csi', 'cloud-config-cinder-csi'
NARROW, NARROWER = (SECRET.replace('a-secret', secret) for secret in ('narrow', 'narrower'))
RESTARTED_CINDER = 'daemonset/magnum-cinder-csi-pods kube-system'


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
