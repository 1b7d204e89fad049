"""The scripts that run on nodes."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import magnum.drivers
from magnum.drivers import settings

FOLDER = pathlib.Path(magnum.drivers.__file__).parent
SCRIPTS = sorted([*FOLDER.glob('*/node/*.sh'), FOLDER / 'common/node/magnum-curl'])
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


class Runner:
    """run.sh on a made-up node whose paths lie in a folder, with a fake curl."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.steps = folder / 'opt/magnum/steps'
        self.steps.mkdir(parents=True)
        (folder / 'etc/magnum').mkdir(parents=True)
        (folder / 'etc/magnum/node.env').write_text(
            settings.shell(
                {
                    'MAGNUM_NODE_NAME': 'node-0',
                    'MAGNUM_NODE_ROLE': 'worker',
                    'MAGNUM_SIGNAL_URL': 'http://heat/signal',
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

    def run(self) -> dict[str, str]:
        """The body that Heat would get."""
        text = (FOLDER / 'common/node/run.sh').read_text()
        for path in ('/opt/magnum', '/etc/magnum', '/var/log/magnum', '/usr/local/bin/magnum'):
            text = text.replace(path, f'{self.folder}{path}')
        text = text.replace('export PATH=', f'export PATH={self.folder}/usr/local/bin:')
        (self.folder / 'usr/local/bin').mkdir(parents=True, exist_ok=True)
        script = self.folder / 'run.sh'
        script.write_text(text)
        subprocess.run(
            ['/bin/bash', script], check=False, env={'PATH': os.environ['PATH']}, timeout=60
        )
        assert '-X PUT' in (self.folder / 'calls').read_text()
        body: dict[str, str] = json.loads((self.folder / 'body').read_text())
        return body


@pytest.fixture
def runner(tmp_path: pathlib.Path) -> Runner:
    return Runner(tmp_path)


def test_success_is_told_after_all_steps(runner: Runner) -> None:
    runner.step('20-b.sh', f'echo b >>{runner.folder}/order')
    runner.step('10-a.sh', f'echo a >>{runner.folder}/order')
    body = runner.run()
    assert body == {'status': 'SUCCESS', 'reason': 'worker is ready', 'id': 'node-0'}
    assert (runner.folder / 'order').read_text() == 'a\nb\n'


def test_failure_names_the_step_and_its_last_words(runner: Runner) -> None:
    runner.step('10-a.sh', 'echo "no \\"disk\\" left"; exit 3')
    runner.step('20-b.sh', f'touch {runner.folder}/later')
    body = runner.run()
    assert body['status'] == 'FAILURE'
    assert body['reason'] == 'step 10-a: no "disk" left'
    assert not (runner.folder / 'later').exists()


def test_a_step_is_tried_as_often_as_it_says(runner: Runner) -> None:
    runner.step(
        '10-a.sh',
        f'# attempts: 3\necho x >>{runner.folder}/tries\n[ $(wc -l <{runner.folder}/tries) = 2 ]\n',
    )
    assert runner.run()['status'] == 'SUCCESS'
    assert (runner.folder / 'tries').read_text() == 'x\nx\n'


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
