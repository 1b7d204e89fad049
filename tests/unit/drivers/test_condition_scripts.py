"""What scripts of nodes say of their conditions, with made-up programs."""

import os
import pathlib
import subprocess
import time

import pytest

from tests.unit.drivers import node_files

#: What each program says on a good node.
GOOD = {
    'docker': """case "$1 $2" in
        'info --format') echo active ;;
        'version --format') echo 20.10.24 ;;
    esac""",
    'kubelet': 'echo Kubernetes v1.20.2',
    'containerd': 'echo containerd github.com/containerd/containerd 1.6.20 abc',
    'kubectl': 'echo ok',
    'curl': """[[ "$*" == *healthz || "$*" == */version ]] || echo '{"status": {"conditions": [
        {"type": "MemoryPressure", "status": "False"},
        {"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}]}}'""",
    'sleep': ':',
}
#: As the API server has it, when the kubelet itself says that it is well.
NOT_READY = (
    GOOD['curl'].replace('"True"', '"False"').replace('kubelet is posting', 'cni has no')
)
#: An API server that knows the node no more, or refuses to say.
REFUSES = """[[ "$*" == *healthz || "$*" == */version ]] ||
    { [[ "$*" != *http_code* ]] || printf %s; exit 22; }"""
MISSING = (
    'condition Node False NotReady '
    'the cluster has no node of this name: restart its kubelet, or replace it'
)
NODE = 'condition Node True Working'
CONTROL_PLANE = 'condition ControlPlane True Working'
API = 'condition API True Working'


def conditions(
    root: pathlib.Path, coe: str, role: str, kind: str = 'condition', **broken: str
) -> list[str]:
    """What the script of a COE says."""
    (root / 'bin').mkdir(exist_ok=True)
    for name, text in {**GOOD, **broken}.items():
        program = root / 'bin' / name
        program.write_text(f'#!/bin/bash\n{text}\n')
        program.chmod(0o755)
    libraries = (
        'common/node/lib.sh', 'kubernetes/node/kubernetes.sh', 'swarm/node/swarm.sh',
        'mesos/node/mesos.sh',
    )
    for name in libraries:
        node_files.place(root, name, f'opt/magnum/{name.rsplit("/", 1)[1]}')
    script = node_files.place(root, f'{coe}/node/conditions.sh', 'opt/magnum/conditions.sh')
    done = subprocess.run(
        [script, kind], capture_output=True, text=True, check=False, timeout=60,
        env={
            'PATH': f'{root}/bin:{os.environ["PATH"]}', 'MAGNUM_NODE_ROLE': role,
            'MAGNUM_NODE_ADDRESS': '127.0.0.1', 'MAGNUM_NODE_NAME': 'one',
            'MAGNUM_API_ADDRESS': '127.0.0.1',
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize('coe', ['swarm', 'kubernetes'])
def test_good_nodes_say_so(tmp_path: pathlib.Path, coe: str) -> None:
    assert conditions(tmp_path, coe, 'worker') == [NODE, *([API] if coe == 'kubernetes' else [])]
    assert conditions(tmp_path, coe, 'master') == [NODE, CONTROL_PLANE]


@pytest.mark.parametrize('role', ['master', 'worker'])
def test_masters_say_how_add_ons_are(tmp_path: pathlib.Path, role: str) -> None:
    file = tmp_path / 'run/magnum/addons'
    file.parent.mkdir(parents=True)
    file.write_text('False Failing traefik: no such chart\n')
    said = 'condition Addons False Failing traefik: no such chart'
    assert (said in conditions(tmp_path, 'kubernetes', role)) is (role == 'master')


@pytest.mark.parametrize(
    ('coe', 'role', 'broken', 'said'),
    [
        ('swarm', 'worker', {'docker': 'echo pending'},
         ['condition Node False NotInSwarm its state is pending']),
        ('swarm', 'master', {'docker': '[ "$1" = info ] && echo active; [ "$1" != node ]'},
         [NODE, 'condition ControlPlane False NoManager ']),
        ('kubernetes', 'worker', {'curl': 'echo refused >&2; exit 7'},
         ['condition Node False NotReady refused', 'condition API False NotReachable refused']),
        ('kubernetes', 'worker', {'curl': NOT_READY},
         ['condition Node False NotReady cni has no ready status', API]),
        ('kubernetes', 'worker', {'curl': '[[ $* == *healthz ]] || { echo away >&2; exit 7; }'},
         [NODE, 'condition API False NotReachable away']),
        ('kubernetes', 'master', {'kubectl': 'printf "etcd\\nfailed"; exit 1'},
         [NODE, 'condition ControlPlane False APINotReady etcd failed']),
        ('mesos', 'worker', {'curl': 'exit 22'}, ['condition Node False AgentUnhealthy ']),
        ('mesos', 'worker', {}, [NODE]),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: pathlib.Path, coe: str, role: str, broken: dict[str, str], said: list[str]
) -> None:
    assert conditions(tmp_path, coe, role, **broken) == said


def test_what_restarts_is_given_a_moment(tmp_path: pathlib.Path) -> None:
    away = f'[ -e {tmp_path}/up ] || {{ touch {tmp_path}/up; exit 1; }}; echo active'
    assert conditions(tmp_path, 'swarm', 'worker', docker=away) == [NODE]


def test_a_node_that_the_cluster_has_no_more_says_so(tmp_path: pathlib.Path) -> None:
    """After some minutes: an operation takes it out of the cluster before it replaces it."""
    def said(**broken: str) -> list[str]:
        return conditions(tmp_path, 'kubernetes', 'worker', **broken)

    since = tmp_path / 'run/magnum/missing'
    assert said(curl=REFUSES % 404) == [NODE, API]
    os.utime(since, (time.time() - 290,) * 2)
    assert said(curl=REFUSES % 404) == [NODE, API]
    os.utime(since, (time.time() - 301,) * 2)
    assert said(curl=REFUSES % 404) == [MISSING, API]
    # What refuses to say does not know.
    assert said(curl=REFUSES % 403) == [NODE, API]
    assert said() == [NODE, API]
    assert said(curl=REFUSES % 404) == [NODE, API], 'it was there meanwhile'


ALL_THERE = 'condition Members True Working'


@pytest.mark.parametrize(
    ('rows', 'said'),
    [
        ('1 ready active bay-node-1', [ALL_THERE]),
        ('1 ready active bay-node-1|2 down drain bay-node-2', [ALL_THERE]),
        ('1 down active bay-node-1|2 ready active bay-node-1', [ALL_THERE]),
        ('1 down active bay-node-1|2 down pause bay bay.x-node-2|3 ready active bay-node-3',
         ['condition Members False NodesDown down: bay-node-1, bay.x-node-2']),
        ('1 down active bay-node-1|2 down active bay-node-1',
         ['condition Members False NodesDown down: bay-node-1']),
    ],
)
@pytest.mark.parametrize('leads', ['true', 'false', ''])
def test_the_manager_that_leads_says_who_is_down(
    tmp_path: pathlib.Path, rows: str, said: list[str], leads: str
) -> None:
    lines = rows.replace('|', '\n')
    docker = f"""case "$*" in
        info*) echo active ;;
        *Leader*) echo {leads} ;;
        *'node ls --quiet') cut -d' ' -f1 <<<'{lines}' ;;
        'node ls '*) cut -d' ' -f2 <<<'{lines}' | sed 's/down/Down/' ;;
        'node inspect '*Hostname*) echo '{lines}' ;;
    esac"""
    assert conditions(tmp_path, 'swarm', 'master', docker=docker) == [
        NODE, CONTROL_PLANE, *(said if leads == 'true' else []),
    ]


@pytest.mark.parametrize(
    ('coe', 'said'),
    [
        ('swarm', ['version docker 20.10.24']), ('mesos', ['version docker 20.10.24']),
        ('kubernetes', ['version kubelet v1.20.2', 'version containerd 1.6.20']),
    ],
)
def test_versions_of_programs(tmp_path: pathlib.Path, coe: str, said: list[str]) -> None:
    assert conditions(tmp_path, coe, 'worker', 'version') == said
