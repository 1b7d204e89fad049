"""How masters install the network of their bay, without which no node gets ready."""

import pytest

from tests.unit.drivers.masters import METRICS, Cluster, Master

pytestmark = pytest.mark.slow

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
