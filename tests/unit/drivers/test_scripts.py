"""The scripts that run on nodes."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from magnum.drivers import settings
from tests.unit import node_service
from tests.unit.drivers import node_files
from tests.unit.drivers.node_files import FOLDER

SCRIPTS = sorted([*FOLDER.glob('*/node/**/*.sh'), FOLDER / 'common/node/magnum-curl'])
STEPS = sorted(FOLDER.glob('*/node/[0-9]*.sh'))


@pytest.mark.skipif(not shutil.which('shellcheck'), reason='no shellcheck on this machine')
def test_shellcheck() -> None:
    done = subprocess.run(['shellcheck', *SCRIPTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize('step', STEPS, ids=lambda step: step.name)
def test_steps_stop_at_the_first_error(step: pathlib.Path) -> None:
    lines = step.read_text().splitlines()
    assert lines[0] == '#!/bin/bash'
    assert 'set -euo pipefail' in lines
    assert lines[1].startswith('# '), 'says what it is for'


@pytest.mark.parametrize('value', ["it's", 'a b', '$HOME `id` "x" \\', '', None])
def test_shell_quotes(value: str | None) -> None:
    script = settings.shell({'VALUE': value}) + 'printf %s "$VALUE"'
    done = subprocess.run(['/bin/sh', '-c', script], capture_output=True, text=True, check=True)
    assert done.stdout == (value or '')


#: Started by trust.sh only.
ADDONS = 'magnum-addons-trust'


def _named(function: str, coe: str) -> list[str]:
    """What the function of lib.sh is given by the COE's steps and the common ones."""
    found = []
    for step in STEPS:
        if step.parts[-3] in (coe, 'common'):
            for call in re.findall(rf'^ *{function} ([^|\n]+)', step.read_text(), re.MULTILINE):
                found += call.split()
    return found


@pytest.mark.parametrize(
    ('coe', 'users'),
    [
        (
            'kubernetes',
            {
                'magnum-etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler',
                'kubelet', 'kube-proxy', 'flanneld', 'magnum-open-api', ADDONS,
            },
        ),
        ('swarm', {'magnum-docker-api', 'magnum-swarm-join'}),
    ],
)
def test_services_with_certificates_say_so(coe: str, users: set[str]) -> None:
    said = {*_named('uses_certificates', coe), *_named('uses_authorities', coe)}
    assert said == users
    started = set(_named('start_service', coe)) - {
        'containerd', 'docker', 'magnum-agent', 'magnum-logins', 'magnum-tokens',
    }
    assert started == users - {ADDONS}


@pytest.mark.parametrize('told', ['the new', 'the old'])
def test_coredns_starts_anew_when_pods_are_told(tmp_path: pathlib.Path, told: str) -> None:
    lib = node_files.place(tmp_path, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    step = (FOLDER / 'kubernetes/node/65-addons.sh').read_text()
    script = step.split("<<'SCRIPT'\n")[1].split('\nSCRIPT\n')[0]
    charts = tmp_path / 'charts.py'
    charts.write_text(f'import sys; open("{tmp_path}/charts", "w").write(sys.argv[1])')
    (tmp_path / 'etc/magnum').mkdir(parents=True)
    (tmp_path / 'etc/magnum/node.env').write_text('MAGNUM_HTTP_PROXY=\nMAGNUM_HTTPS_PROXY=\n')
    for name, file in {'/opt/magnum/lib.sh': lib, '/opt/magnum/charts.py': charts}.items():
        script = script.replace(name, str(file))
    script = script.replace('until 3600', 'until 1')
    ca = tmp_path / 'etc/magnum/certificates/ca.pem'
    ca.parent.mkdir(parents=True)
    ca.write_text('the new')
    kubectl = tmp_path / 'kubectl'
    kubectl.write_text(
        f'#!/bin/sh\n[ "$2" = rollout ] && echo "$@" >{tmp_path}/done\nprintf "{told}"\n'
    )
    kubectl.chmod(0o700)
    ended = subprocess.run(
        ['bash', '-c', script], capture_output=True, timeout=60,
        env={'PATH': f'{tmp_path}:{os.environ["PATH"]}'},
    )
    is_told = told == 'the new'
    assert (ended.returncode == 0) is is_told, ended.stderr
    assert (tmp_path / 'done').exists() is is_told
    assert (tmp_path / 'charts').exists() is is_told


@pytest.mark.parametrize(
    ('port', 'tls_disabled', 'hosts'),
    [
        # Another program guards it.
        ('2376', 'false', None),
        ('2376', 'true', ['unix:///run/docker.sock', 'tcp://0.0.0.0:2376']),
        (None, 'false', None),
    ],
)
def test_the_engine_is_open_to_others_only_without_tls(
    port: str | None, tls_disabled: str, hosts: list[str] | None
) -> None:
    step = (FOLDER / 'common/node/40-docker.sh').read_text()
    script = step.split("<<'PYTHON'\n")[1].split('\nPYTHON\n')[0]
    variables = {
        'MAGNUM_TLS_DISABLED': tls_disabled, 'MAGNUM_STORAGE_DRIVER': 'overlay2',
        'MAGNUM_INSECURE_REGISTRIES': '', 'MAGNUM_NODE_NAME': 'bay-node-0',
        'PATH': os.environ['PATH'],
    }
    if port:
        variables['MAGNUM_DOCKER_PORT'] = port
    made = subprocess.run(
        [sys.executable, '-'], input=script, check=True, env=variables, capture_output=True,
        text=True,
    )
    made_config = json.loads(made.stdout)
    assert made_config.get('hosts') == hosts
    assert made_config['labels'] == ['magnum.node=bay-node-0']


class Runner:
    """run.sh on a made-up node whose paths lie in a folder, with a fake curl."""

    def __init__(self, folder: pathlib.Path, url: str):
        self.folder = folder
        self.status: int | None = None
        self.steps = folder / 'opt/magnum/steps'
        self.steps.mkdir(parents=True)
        (folder / 'etc/magnum').mkdir(parents=True)
        (folder / 'etc/magnum/node.env').write_text(
            settings.shell(
                {
                    'MAGNUM_BAY_UUID': node_service.BAY,
                    'MAGNUM_NODE_NAME': 'node-0',
                    'MAGNUM_NODE_ROLE': 'worker',
                    'MAGNUM_BOOTSTRAP_TOKEN': 'the-token',
                    'MAGNUM_BOOTSTRAP_URL': f'{url}/v1/bootstrap',
                    'MAGNUM_HTTP_PROXY': None,
                    'MAGNUM_HTTPS_PROXY': None,
                    'MAGNUM_NO_PROXY': None,
                }
            )
        )
        curl = folder / 'opt/magnum/magnum-curl'
        curl.write_text(
            '#!/bin/sh\nprintf "%s\\n" "$*" >>' + f'{folder}/calls\n'
            'for word; do case $word in @*) cp "${word#@}" ' + f'{folder}/body;; esac; done\n'
        )
        curl.chmod(0o755)

    def step(self, name: str, text: str) -> None:
        path = self.steps / name
        path.write_text('#!/bin/bash\n' + text)
        path.chmod(0o755)

    def reported(self) -> dict[str, object]:
        """What the agent would report."""
        kept = [
            self.folder / f'{folder}/magnum-agent/state.json' for folder in ('run', 'var/lib')
        ]
        text = next(file for file in kept if file.exists()).read_text()
        found: dict[str, object] = json.loads(text)
        return found

    def run(self, *within: str, **variables: str) -> tuple[object, object]:
        """Run it: the state that the agent would report, and its step."""
        node_files.place_agent(self.folder)
        (self.folder / 'usr/local/bin').mkdir(parents=True, exist_ok=True)
        node_files.place(self.folder, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        script = node_files.place(self.folder, 'common/node/run.sh', 'opt/magnum/run.sh')
        self.status = subprocess.run(
            [*within, '/bin/bash', script], check=False, timeout=60,
            env={'PATH': os.environ['PATH'], **variables},
        ).returncode
        told = self.reported()
        return told['state'], told['step']


@pytest.fixture
def service() -> Iterator[node_service.Service]:
    with node_service.serve() as made_up:
        yield made_up


@pytest.fixture
def runner(tmp_path: pathlib.Path, service: node_service.Service) -> Runner:
    return Runner(tmp_path, service.url)


def test_steps_are_done_in_order(runner: Runner) -> None:
    runner.step('20-b.sh', f'echo b >>{runner.folder}/order')
    runner.step('10-a.sh', f'echo a >>{runner.folder}/order')
    assert runner.run() == ('ready', None)
    assert (runner.folder / 'order').read_text() == 'a\nb\n'


def test_nothing_follows_a_step_that_fails(runner: Runner) -> None:
    runner.step('10-a.sh', 'echo "no \\"disk\\" left"; exit 3')
    runner.step('20-b.sh', f'touch {runner.folder}/later')
    assert runner.run() == ('failed', '10-a')
    assert runner.reported()['lines'] == ['no "disk" left']
    assert not (runner.folder / 'later').exists()


def test_what_a_shutdown_fails_is_no_failure(runner: Runner) -> None:
    """Services that a step needs are stopped; the next boot goes on."""
    programs = runner.folder / 'usr/local/bin'
    programs.mkdir(parents=True)
    (programs / 'systemctl').write_text('#!/bin/sh\necho stopping\n')
    (programs / 'systemctl').chmod(0o755)
    runner.step('10-a.sh', f'[ -e {runner.folder}/good ]')
    assert runner.run() == ('building', '10-a')
    assert runner.status == 2
    (runner.folder / 'good').touch()
    assert runner.run() == ('ready', None)
    assert runner.status == 0


def test_packages_that_are_half_installed_are_finished(runner: Runner) -> None:
    """apt refuses others before; who else installs some is waited for."""
    programs = runner.folder / 'usr/local/bin'
    programs.mkdir(parents=True)
    dpkg = programs / 'dpkg'
    dpkg.write_text(
        f'#!/bin/sh\necho "$*" >>{runner.folder}/calls\n'
        '[ "$1" != --audit ] || { echo "not finished: apt"; exit 1; }\n'
        f'[ $(wc -l <{runner.folder}/calls) = 3 ]\n'
    )
    dpkg.chmod(0o755)
    node_files.place(
        runner.folder, 'common/node/05-packages.sh', 'opt/magnum/steps/05-packages.sh'
    )
    assert runner.run() == ('ready', None)
    calls = (runner.folder / 'calls').read_text().splitlines()
    assert calls == ['--audit', *['--force-confdef --force-confold --configure -a'] * 2]


def test_a_failure_before_registration_is_told_by_the_token(
    runner: Runner, service: node_service.Service
) -> None:
    runner.step('10-a.sh', 'echo E: the-token does not help; exit 3')
    runner.run()
    assert service.failures == {'node-0': {
        'step': '10-a', 'position': 1, 'steps': 1, 'lines': ['E: *** does not help'],
    }}


@pytest.mark.skipif(
    not node_files.can_mount(), reason='a small file system needs root and unshare'
)
def test_a_step_that_fills_the_disk_is_told(
    runner: Runner, service: node_service.Service
) -> None:
    """What failed for that could not write so; nor is there room for anything else."""
    disk = runner.folder / 'var'
    disk.mkdir()
    runner.step('10-a.sh', f"""mkdir -p {disk}/lib/docker {disk}/tmp
for line in $(seq 20000); do echo "line $line"; done
cat /dev/zero >{disk}/full
echo no room >&2
exit 3
""")
    assert runner.run(*node_files.small_disk(disk), TMPDIR=f'{disk}/tmp') == ('failed', '10-a')
    assert runner.reported()['lines'] == service.failures['node-0']['lines']
    assert service.failures['node-0']['step'] == '10-a'
    lines = list(service.failures['node-0']['lines'])
    assert lines[-1] == '/var/lib/docker: less than 1 MB free'
    assert 'line 20000' in lines


def test_a_registered_node_tells_it_in_its_reports(
    runner: Runner, service: node_service.Service
) -> None:
    registered = hashlib.sha256(b'the-token').hexdigest()
    (runner.folder / 'etc/magnum/registered').write_text(registered)
    runner.step('10-a.sh', 'exit 3')
    runner.run()
    assert service.failures == {}


def test_the_agent_is_told_each_step(runner: Runner) -> None:
    state = f'{runner.folder}/var/lib/magnum-agent/state.json'
    for name in ('10-a', '20-b', '30-c'):
        runner.step(f'{name}.sh', f'cp {state} {runner.folder}/at-{name}')
    runner.run()
    for position, name in enumerate(('10-a', '20-b', '30-c'), 1):
        assert json.loads((runner.folder / f'at-{name}').read_text()) == {
            'state': 'building', 'step': name, 'position': position, 'steps': 3, 'lines': [],
        }
    assert runner.reported() == {
        'state': 'ready', 'step': None, 'position': 0, 'steps': 0, 'lines': [],
    }


def test_what_failed_is_told_without_curl(
    runner: Runner, service: node_service.Service
) -> None:
    runner.step('10-a.sh', 'true')
    runner.step('12-tools.sh', '# attempts: 2\necho E: no curl; false')
    (runner.folder / 'opt/magnum/magnum-curl').write_text('#!/bin/sh\nexit 127\n')
    runner.run()
    told = {'step': '12-tools', 'position': 2, 'steps': 2, 'lines': ['E: no curl']}
    assert runner.reported() == {'state': 'failed', **told}
    assert service.failures == {'node-0': told}


def test_an_agent_that_cannot_tell_stops_nothing(runner: Runner) -> None:
    runner.step('10-a.sh', f'rm -rf {runner.folder}/opt/magnum/agent')
    runner.step('20-b.sh', f'touch {runner.folder}/later')
    runner.run()
    assert (runner.folder / 'later').exists()


def test_a_step_is_tried_as_often_as_it_says(runner: Runner) -> None:
    runner.step(
        '10-a.sh',
        f'# attempts: 3\necho x >>{runner.folder}/tries\n[ $(wc -l <{runner.folder}/tries) = 2 ]\n',
    )
    assert runner.run() == ('ready', None)
    assert (runner.folder / 'tries').read_text() == 'x\nx\n'


def test_a_hopeless_step_is_tried_once(runner: Runner) -> None:
    runner.step('10-a.sh', f'# attempts: 3\necho x >>{runner.folder}/tries\nexit 86\n')
    assert runner.run() == ('failed', '10-a')
    assert (runner.folder / 'tries').read_text() == 'x\n'


def test_a_boot_can_be_done_again(runner: Runner) -> None:
    runner.step('10-a.sh', f'[ -e {runner.folder}/good ]')
    assert runner.run() == ('failed', '10-a')
    (runner.folder / 'good').touch()
    assert runner.run() == ('ready', None)


def test_proxies_are_said_once_however_often_a_node_is_built(tmp_path: pathlib.Path) -> None:
    node_files.place(tmp_path, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    step = node_files.place(tmp_path, 'common/node/10-proxies.sh', 'opt/magnum/steps/10.sh')
    text = step.read_text()
    for file in ('/etc/environment', '/etc/apt'):
        text = text.replace(file, f'{tmp_path}{file}')
    step.write_text(text)
    (tmp_path / 'etc/apt/apt.conf.d').mkdir(parents=True)
    told = {'HTTP_PROXY': 'http://proxy:3128', 'HTTPS_PROXY': '', 'NO_PROXY': '10.0.0.1,.example'}
    for _ in range(2):
        subprocess.run([step], check=True, env={
            'PATH': os.environ['PATH'], **{f'MAGNUM_{name}': text for name, text in told.items()},
        })
    assert (tmp_path / 'etc/environment').read_text().splitlines() == [
        'http_proxy=http://proxy:3128', 'https_proxy=', 'no_proxy=10.0.0.1,.example',
    ]


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda script: script.name)
def test_no_pipe_ends_before_its_writer(script: pathlib.Path) -> None:
    """With pipefail a writer that SIGPIPE ends makes the whole pipe fail, now and then."""
    text = script.read_text().replace('\\\n', ' ')
    ends_early = r'\|\s*(?:head|grep\s+(?:-\w+\s+)*-\w*[qm]|sed\s+\S*q|awk\s.*exit)\b'
    assert not re.search(ends_early, text)


@pytest.mark.parametrize(('code', 'done'), [(200, True), (404, True), (403, False), (500, False)])
def test_a_renewed_kubelet_starts_when_the_former_node_is_forgotten(code: int, done: bool) -> None:
    text = (FOLDER / 'kubernetes/node/70-kubelet.sh').read_text()
    start = text.index('forget_former_node() {')
    function = text[start : text.index('\n}\n', start) + 3]
    script = (
        f'curl() {{ echo "$*" >&2; printf {code}; }}\nsay() {{ echo "$*"; }}\n'
        'api_url() { echo https://api:6443; }\ncertificates=/c MAGNUM_NODE_NAME=node-0\n'
        f'set -euo pipefail\n{function}forget_former_node\n'
    )
    ran = subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) is done
    assert '-X DELETE' in ran.stderr
    assert 'https://api:6443/api/v1/nodes/node-0' in ran.stderr


def test_the_api_server_waits_for_no_watch_when_it_stops() -> None:
    """It would wait for a minute, in which nobody is served."""
    text = (FOLDER / 'kubernetes/node/60-control-plane.sh').read_text()
    limit = re.search(r'TimeoutStopSec=(\d+)\b', text)
    assert limit
    assert int(limit[1]) <= 5
