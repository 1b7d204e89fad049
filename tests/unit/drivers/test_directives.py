"""What masters do on directives: the real scripts with made-up docker and kubectl."""

import os
import pathlib
import subprocess
import threading
import time

import pytest

from tests.unit.drivers import node_files

#: A swarm: by id the host, the label of the engine, role and state; tasks in "tasks-ID".
DOCKER = r"""#!/bin/bash
echo "$*" >>@root/calls
nodes='id0 bay bay.x-master-0 manager ready
id1 bay bay.x-node-1 worker ready
id2 bay bay.x-node-2 worker down
id3 bay-node-3  worker ready
id4 bay-node-30  worker ready'
of() { grep "^$1 " <<<"$nodes" | cut -d' ' -f"$2"; }
# It refuses "refuses-*" once, or as long as there is "keeps"; "elects": after a demotion.
if [ -e @root/demoted ] && [ -e @root/elects ]; then rm @root/elects; touch @root/refuses-ls; fi
if [ -e "@root/refuses-$2" ]; then
    [ -e "@root/keeps" ] || rm "@root/refuses-$2"
    echo 'Error response from daemon: not now' >&2
    exit 1
fi
case "$1 $2" in
    'node ls') cut -d' ' -f1 <<<"$nodes" ;;
    'node inspect')
        case $* in
            *Hostname*)
                for id in "${@:5}"; do
                    echo "$id $(of "$id" 5) active $(of "$id" 2-3)"
                done ;;
            *Status.State*) of "${*: -1}" 5 ;;
            *Spec.Role*) of "${*: -1}" 4 ;;
        esac ;;
    'node ps') cat "@root/tasks-${*: -1}" 2>/dev/null
        [ -e "@root/keeps" ] || rm -f "@root/tasks-${*: -1}" ;;
    'node demote') touch @root/demoted ;;
    'node rm') [ "${*: -1}" != id0 ] || [ -e @root/demoted ] ;;
esac
exit
"""
#: Node-1 is ready, node-2 is not, others are not there. Node-5 is lost while it is drained,
#: and node-6 restarts its kubelet then.
KUBECTL = r"""#!/bin/bash
echo "$*" >>@root/calls
[ "$KUBECONFIG" = @root/etc/kubernetes/admin.conf ] || exit 9
case "$*" in
    'drain --help') echo '--delete-emptydir-data=false' ;;
    'get nodes --output '*Ready*)
        printf '%s\n' 'bay-node-1 True' 'bay-node-2 Unknown' 'bay-node-3 True'
        seq --format='bay-more-%g True' 25
        seen=$(grep --count 'get nodes --output ' @root/calls)
        printf 'bay-node-5 %s\n' "$([ "$seen" -gt 1 ] && echo Unknown || echo True)"
        printf 'bay-node-6 %s\n' "$([ "$seen" = 2 ] && echo False || echo True)" ;;
    'drain bay-node-5'*) exec sleep 50 ;;
    'drain bay-node-6'*) exec sleep 13 ;;
    'get node bay-node-9 '*) ;;
    'get node '*' --ignore-not-found '*) echo "node/$3" ;;
    'drain bay-node-3'*) echo 'error: budget of pod web-0'; exit 1 ;;
    'get pods '*) echo 'default web-0 1/1 Running' ;;
esac
"""
#: The master at the third address does not answer; the second one leads.
ETCDCTL = r"""#!/bin/bash
echo "$*" >>@root/calls
release=$(cat @root/release)
case "$*" in
    *'member list') cat @root/members ;;
    *10.0.0.7*) [ -e @root/settled ] || { echo 'https://10.0.0.7:2379 is unhealthy'; exit 1; } ;;
    *'snapshot save '*) [ ! -e @root/full ] || { echo 'no space' >&2; exit 1; } ;;
    *'endpoint health') [ ! -e @root/electing ] || { rm @root/electing; exit 1; } ;;
    *10.0.0.6:2379*'endpoint status') echo "https://10.0.0.6:2379, 22, $release, true, false" ;;
    *'endpoint status') echo "https://10.0.0.5:2379, 11, $release, false, false" ;;
esac
"""
#: Of etcd, and all that it says before whether it leads.
RELEASES = ('3.4.23, 9 kB', '3.6.6, 3.6.0, 9 kB, 8 kB, 12%, 0 B')
MEMBERS = """11, started, etcd-10.0.0.5, https://10.0.0.5:2380, https://10.0.0.5:2379, false
22, started, etcd-10.0.0.6, https://10.0.0.6:2380, https://10.0.0.6:2379, false
33, started, etcd-10.0.0.7, https://10.0.0.7:2380, https://10.0.0.7:2379, false
44, unstarted, , https://10.0.0.8:2380, , true
"""
PROGRAMS = {'docker': DOCKER, 'kubectl': KUBECTL, 'etcdctl': ETCDCTL}
SOURCED = ('common/node/lib.sh', 'swarm/node/swarm.sh', 'kubernetes/node/kubernetes.sh')
SETTINGS = """MAGNUM_HTTP_PROXY= MAGNUM_HTTPS_PROXY=
MAGNUM_MASTER_ADDRESSES='10.0.0.5 10.0.0.6 10.0.0.7' MAGNUM_KUBE_VERSION=v1
"""
RUNNING = 'bay.x-node-1: web.1 Running 5 minutes ago\nbay.x-node-1: web.1 Shutdown 9 minutes ago\n'


class Master:
    def __init__(self, root: pathlib.Path, coe: str):
        self.root, self.coe = root, coe
        programs = root / 'usr/local/bin'
        programs.mkdir(parents=True)
        (root / 'release').write_text(RELEASES[0])
        for name, text in PROGRAMS.items():
            program = programs / name
            program.write_text(text.replace('@root', str(root)))
            program.chmod(0o755)
        for script in SOURCED:
            node_files.place(root, script, f'opt/magnum/{script.rsplit("/", 1)[1]}')
        (root / 'etc/magnum').mkdir(parents=True)
        (root / 'etc/magnum/node.env').write_text(SETTINGS)

    def run(
        self, verb: str, nodes: str, seconds: int = 30, addresses: str = ''
    ) -> subprocess.CompletedProcess[str]:
        script = node_files.place(
            self.root, f'{self.coe}/node/directives/{verb}.sh', f'opt/magnum/directives/{verb}.sh'
        )
        return subprocess.run(
            [script], capture_output=True, text=True, check=False, timeout=60,
            env={
                'PATH': f'{self.root}/usr/local/bin:{os.environ["PATH"]}',
                'MAGNUM_NODES': nodes, 'MAGNUM_SECONDS': str(seconds),
                'MAGNUM_NODE_ADDRESSES': addresses, 'MAGNUM_ETCD_SECONDS': '3',
                'MAGNUM_SWARM_SECONDS': '3',
            },
        )

    def calls(self, word: str) -> list[str]:
        lines = (self.root / 'calls').read_text().splitlines()
        return [line for line in lines if f' {word} ' in f' {line} ']


@pytest.fixture
def swarm(tmp_path: pathlib.Path) -> Master:
    return Master(tmp_path, 'swarm')


@pytest.fixture
def kubernetes(tmp_path: pathlib.Path) -> Master:
    return Master(tmp_path, 'kubernetes')


def test_a_swarm_waits_until_no_task_is_left(swarm: Master) -> None:
    (swarm.root / 'tasks-id1').write_text(RUNNING)
    done = swarm.run('drain', 'bay.x-node-1 bay-node-3 not-there')
    assert done.returncode == 0, done.stdout + done.stderr
    assert swarm.calls('update') == [
        'node update --availability drain id1', 'node update --availability drain id3',
    ]
    assert len([call for call in swarm.calls('ps') if call.endswith('id1')]) == 2


def test_tasks_that_ended_are_not_waited_for(swarm: Master) -> None:
    (swarm.root / 'tasks-id1').write_text(RUNNING.splitlines()[1])
    (swarm.root / 'keeps').touch()
    assert swarm.run('drain', 'bay.x-node-1', seconds=0).returncode == 0


def test_a_swarm_tells_what_is_left(swarm: Master) -> None:
    (swarm.root / 'tasks-id1').write_text(RUNNING)
    (swarm.root / 'keeps').touch()
    done = swarm.run('drain', 'bay.x-node-1', seconds=1)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == RUNNING.splitlines()[0]


def test_a_node_that_is_down_is_not_waited_for(swarm: Master) -> None:
    (swarm.root / 'tasks-id2').write_text(RUNNING)
    (swarm.root / 'keeps').touch()
    assert swarm.run('drain', 'bay.x-node-2', seconds=0).returncode == 0
    assert swarm.calls('update') == ['node update --availability drain id2']


def test_nodes_of_a_swarm_that_stay_have_tasks_again(swarm: Master) -> None:
    done = swarm.run('admit', 'bay.x-node-1 not-there')
    assert done.returncode == 0, done.stdout + done.stderr
    assert swarm.calls('update') == ['node update --availability active id1']


def test_nodes_that_stay_have_pods_again(kubernetes: Master) -> None:
    done = kubernetes.run('admit', 'bay-node-1 bay-node-9')
    assert done.returncode == 0, done.stdout + done.stderr
    assert kubernetes.calls('uncordon') == ['uncordon bay-node-1']
    assert 'bay-node-9 is not in the cluster' in done.stdout


def test_a_swarm_forgets_nodes_and_no_others(swarm: Master) -> None:
    """Hosts have the first part of a name with dots: all are called alike."""
    done = swarm.run('remove', 'bay.x-node-1 bay-node-3 bay bay-node not-there')
    assert done.returncode == 0, done.stdout + done.stderr
    assert swarm.calls('rm') == ['node rm --force id1', 'node rm --force id3']
    assert swarm.calls('demote') == []


def test_a_manager_is_demoted_before(swarm: Master) -> None:
    assert swarm.run('remove', 'bay.x-master-0').returncode == 0
    assert swarm.calls('demote') == ['node demote id0']


def test_pods_are_evicted_from_ready_nodes(kubernetes: Master) -> None:
    done = kubernetes.run('drain', 'bay-node-1 bay-node-2 bay-node-9', seconds=77)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kubernetes.calls('cordon') == ['cordon bay-node-1 bay-node-2']
    (drain,) = kubernetes.calls('--ignore-daemonsets')
    words, seconds = drain.rsplit('=', 1)
    assert words == (
        'drain bay-node-1 --ignore-daemonsets --force --delete-emptydir-data --timeout'
    )
    assert 70 <= int(seconds.removesuffix('s')) <= 77
    assert 'bay-node-2 is not ready' in done.stdout
    assert 'bay-node-9 is not in the cluster' in done.stdout


def test_many_nodes_are_drained_a_few_at_once(kubernetes: Master) -> None:
    """Each is a program on the master; one that cannot be emptied keeps no other back."""
    names = [f'bay-more-{number}' for number in range(1, 26)]
    done = kubernetes.run('drain', ' '.join(['bay-node-3', *names]), seconds=30)
    assert done.returncode == 1
    assert len(kubernetes.calls('--ignore-daemonsets')) == 26
    assert kubernetes.calls('cordon') == [f'cordon bay-node-3 {" ".join(names)}']


def test_pods_that_are_left_are_told(kubernetes: Master) -> None:
    done = kubernetes.run('drain', 'bay-node-3 bay-node-1')
    assert done.returncode == 1
    assert 'default web-0 1/1 Running' in done.stdout
    assert len(kubernetes.calls('--ignore-daemonsets')) == 2, 'the other one is emptied'


def test_a_node_that_is_lost_while_it_is_drained_is_waited_for_no_more(
    kubernetes: Master,
) -> None:
    begun = time.monotonic()
    done = kubernetes.run('drain', 'bay-node-5 bay-node-6 bay-node-1', seconds=45)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 10 < time.monotonic() - begun < 30
    (told,) = done.stdout.splitlines()
    assert told.endswith('bay-node-5 is not ready any more: nobody there would end its pods')


def test_objects_of_nodes_and_of_their_pods_are_deleted(kubernetes: Master) -> None:
    assert kubernetes.run('remove', 'bay-node-1 bay-node-9').returncode == 0
    assert kubernetes.calls('delete') == [
        'delete node --ignore-not-found --timeout=60s bay-node-1 bay-node-9',
        *(
            f'delete pods --all-namespaces --field-selector spec.nodeName={name} '
            '--grace-period=0 --force --wait=false'
            for name in ('bay-node-1', 'bay-node-9')
        ),
    ]


def test_a_master_goes_while_etcd_of_the_others_is_well(kubernetes: Master) -> None:
    assert kubernetes.run('remove', 'bay-master-2').returncode == 0
    (asked,) = kubernetes.calls('health')
    assert asked.startswith('--endpoints=https://10.0.0.5:2379,https://10.0.0.6:2379 ')
    assert 'bay-master-2' in kubernetes.calls('delete')[0]


def goes(master: Master, verb: str, lost: bool = False) -> subprocess.CompletedProcess[str]:
    """A master is replaced, or retires."""
    (master.root / 'members').write_text(''.join(MEMBERS.splitlines(keepends=True)[:3]))
    if not lost:
        (master.root / 'settled').touch()
    return master.run(verb, 'bay-master-2', addresses='10.0.0.7')


@pytest.mark.parametrize('verb', ['remove', 'retire'])
@pytest.mark.parametrize('volume', ['', 'its-id'])
def test_what_etcd_has_is_kept_before_a_master_goes(
    kubernetes: Master, verb: str, volume: str
) -> None:
    with (kubernetes.root / 'etc/magnum/node.env').open('a') as settings:
        settings.write(f'MAGNUM_ETCD_VOLUME_ID={volume}\n')
    done = goes(kubernetes, verb)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = (kubernetes.root / 'calls').read_text().splitlines()
    (saved,) = (number for number, call in enumerate(calls) if 'snapshot save' in call)
    assert saved < min(
        number for number, call in enumerate(calls)
        if 'delete node' in call or 'member remove' in call
    )
    folder = 'magnum-etcd/snapshots' if volume else 'magnum/etcd-snapshots'
    file = calls[saved].rpartition(' ')[2]
    assert file.startswith(f'{kubernetes.root}/var/lib/{folder}/20')
    assert file.endswith('-v1.db')
    assert done.stdout.splitlines()[-1] == f'note what etcd has is kept in {file}'


@pytest.mark.parametrize('verb', ['remove', 'retire'])
def test_no_master_goes_without_a_snapshot(kubernetes: Master, verb: str) -> None:
    (kubernetes.root / 'full').touch()
    done = goes(kubernetes, verb)
    assert done.returncode == 1
    assert 'etcd cannot be kept: no space' in done.stdout
    assert 'none goes without that' in done.stdout
    assert (kubernetes.calls('delete'), etcd_asked(kubernetes)) == ([], [])


@pytest.mark.parametrize('verb', ['remove', 'retire'])
def test_a_full_disk_keeps_no_lost_master_from_coming_back(
    kubernetes: Master, verb: str
) -> None:
    (kubernetes.root / 'full').touch()
    done = goes(kubernetes, verb, lost=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == 'note etcd cannot be kept: no space'
    assert kubernetes.calls('delete')


@pytest.mark.parametrize(('is_full', 'is_well', 'status', 'told'), [
    (False, True, 0, 'note what etcd has is kept in /var/lib/magnum-etcd/snapshots/20'),
    (True, True, 1, 'none goes without that'),
    (True, False, 0, 'note etcd cannot be kept: no space'),
], ids=['kept', 'no space', 'lost'])
def test_the_only_master_saves_what_it_knows(
    kubernetes: Master, is_full: bool, is_well: bool, status: int, told: str
) -> None:
    with (kubernetes.root / 'etc/magnum/node.env').open('a') as settings:
        settings.write('MAGNUM_ETCD_VOLUME_ID=its-id\nMAGNUM_NODE_ADDRESS=10.0.0.7\n')
    for name, is_there in (('full', is_full), ('settled', is_well)):
        if is_there:
            (kubernetes.root / name).touch()
    done = kubernetes.run('snapshot', 'bay-master-0')
    assert done.returncode == status, done.stdout + done.stderr
    assert told in done.stdout.replace(str(kubernetes.root), '').splitlines()[-1]
    assert (kubernetes.calls('delete'), etcd_asked(kubernetes)) == ([], [])


def test_nothing_is_kept_for_workers(kubernetes: Master) -> None:
    assert kubernetes.run('remove', 'bay-node-1').returncode == 0
    assert not kubernetes.calls('snapshot')


def test_no_master_goes_while_etcd_of_another_is_not_well(kubernetes: Master) -> None:
    done = kubernetes.run('remove', 'bay-master-0')
    assert done.returncode == 1
    assert '10.0.0.7:2379 is unhealthy' in done.stdout
    assert 'etcd of the masters that stay is not well' in done.stdout
    assert not kubernetes.calls('delete')


def test_etcd_of_masters_is_given_time(kubernetes: Master) -> None:
    """A member that was replaced just now, or a busy host, answers a little later."""
    settling = threading.Timer(1, (kubernetes.root / 'settled').touch)
    settling.start()
    assert kubernetes.run('remove', 'bay-master-0').returncode == 0
    settling.join()
    assert len(kubernetes.calls('health')) > 1


def test_names_of_workers_are_no_masters(kubernetes: Master) -> None:
    assert kubernetes.run('remove', 'bay-master-0-abc-node-0').returncode == 0
    assert not kubernetes.calls('health')


def etcd_asked(master: Master) -> list[str]:
    """What changes its members."""
    words = ('move-leader', 'member remove')
    return [
        call.partition('.key ')[2] for call in (master.root / 'calls').read_text().splitlines()
        if any(word in call for word in words)
    ]


def test_a_lost_master_leaves_etcd_and_kubernetes(kubernetes: Master) -> None:
    (kubernetes.root / 'members').write_text(MEMBERS)
    done = kubernetes.run('retire', 'bay-master-2', addresses='10.0.0.7')
    assert done.returncode == 0, done.stdout + done.stderr
    assert etcd_asked(kubernetes) == ['member remove 33']
    (call,) = kubernetes.calls('node')
    assert call.endswith('bay-master-2')


def test_masters_that_stay_choose_another_leader_first(kubernetes: Master) -> None:
    (kubernetes.root / 'members').write_text(MEMBERS)
    (kubernetes.root / 'electing').touch()
    done = kubernetes.run('retire', 'bay-master-2', addresses='10.0.0.7')
    assert done.returncode == 0, done.stdout + done.stderr
    asked = (kubernetes.root / 'calls').read_text().splitlines()
    own = [line.partition('.key ')[2] for line in asked if '127.0.0.1' in line]
    assert own[:3] == ['endpoint health', 'endpoint health', 'member list']


@pytest.mark.parametrize('release', RELEASES)
@pytest.mark.parametrize(
    ('master', 'address', 'asked'),
    [
        ('bay-master-1', '10.0.0.6', ['move-leader 11', 'member remove 22']),
        ('bay-master-0', '10.0.0.5', ['member remove 11']),
    ],
    ids=['leads', 'does not'],
)
def test_a_leader_that_leaves_gives_that_to_another(
    kubernetes: Master, release: str, master: str, address: str, asked: list[str]
) -> None:
    (kubernetes.root / 'release').write_text(release)
    (kubernetes.root / 'members').write_text(''.join(MEMBERS.splitlines(keepends=True)[:2]))
    done = kubernetes.run('retire', master, addresses=address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert etcd_asked(kubernetes) == asked


def test_one_that_never_came_up_leaves(kubernetes: Master) -> None:
    lines = MEMBERS.splitlines(keepends=True)
    (kubernetes.root / 'members').write_text(lines[0] + lines[3])
    done = kubernetes.run('retire', 'bay-master-3', addresses='10.0.0.8')
    assert done.returncode == 0, done.stdout + done.stderr
    assert etcd_asked(kubernetes) == ['member remove 44']


def test_who_has_left_leaves_no_more(kubernetes: Master) -> None:
    """It is told again."""
    (kubernetes.root / 'members').write_text(''.join(MEMBERS.splitlines(keepends=True)[:2]))
    assert kubernetes.run('retire', 'bay-master-2', addresses='10.0.0.7').returncode == 0
    assert etcd_asked(kubernetes) == []
    assert not kubernetes.calls('snapshot'), 'it was taken before'


def test_no_master_leaves_while_one_that_stays_is_unwell(kubernetes: Master) -> None:
    (kubernetes.root / 'members').write_text(''.join(MEMBERS.splitlines(keepends=True)[:3]))
    done = kubernetes.run('retire', 'bay-master-1', addresses='10.0.0.6')
    assert done.returncode == 1
    assert 'none goes' in done.stdout
    assert etcd_asked(kubernetes) == []
    assert kubernetes.calls('delete') == []


@pytest.mark.parametrize('refused', ['ls', 'inspect', 'demote', 'rm'])
def test_a_swarm_that_elects_a_leader_is_asked_again(swarm: Master, refused: str) -> None:
    """And one whose managers have not heard of each other yet: a quorum would be lost."""
    (swarm.root / f'refuses-{refused}').touch()
    done = swarm.run('remove', 'bay.x-master-0')
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(swarm.calls('demote')) == 1 + (refused == 'demote')


def test_none_is_forgotten_because_of_an_election(swarm: Master) -> None:
    """The manager that is demoted first led: the next is looked for meanwhile."""
    (swarm.root / 'elects').touch()
    assert swarm.run('remove', 'bay.x-master-0 bay-node-3').returncode == 0
    assert swarm.calls('rm') == ['node rm --force id0', 'node rm --force id3']


@pytest.mark.parametrize('refused', ['ls', 'inspect', 'update', 'ps'])
def test_a_swarm_that_elects_a_leader_drains_later(swarm: Master, refused: str) -> None:
    (swarm.root / f'refuses-{refused}').touch()
    (swarm.root / 'tasks-id1').write_text(RUNNING)
    done = swarm.run('drain', 'bay.x-node-1')
    assert done.returncode == 0, done.stdout + done.stderr
    assert swarm.calls('update')[-1] == 'node update --availability drain id1'
    assert not (swarm.root / 'tasks-id1').exists(), 'it was waited for'


@pytest.mark.parametrize('verb', ['drain', 'remove'])
def test_nodes_of_which_managers_say_nothing_are_not_done(swarm: Master, verb: str) -> None:
    for name in ('refuses-ls', 'keeps'):
        (swarm.root / name).touch()
    done = swarm.run(verb, 'bay.x-node-1')
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count('not now') == 1, 'said once'


def test_a_swarm_tells_why_no_manager_leaves(swarm: Master) -> None:
    for name in ('refuses-demote', 'keeps'):
        (swarm.root / name).touch()
    done = swarm.run('remove', 'bay.x-master-0')
    assert done.returncode == 1
    assert swarm.calls('rm') == [], 'it is a manager yet'
    assert (done.stdout + done.stderr).count('not now') == 1, 'said once'


def test_a_manager_leaves_a_swarm_as_one_that_is_replaced(swarm: Master) -> None:
    node_files.place(
        swarm.root, 'swarm/node/directives/remove.sh', 'opt/magnum/directives/remove.sh'
    )
    assert swarm.run('retire', 'bay.x-master-0', addresses='10.0.0.5').returncode == 0
    assert swarm.calls('demote') == ['node demote id0']
