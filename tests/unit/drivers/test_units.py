"""Units of systemd as scripts write them, read by systemd itself."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

import pytest
import yaml

from magnum.drivers import settings
from tests.unit.drivers import node_files

SYSTEMD = '/lib/systemd/systemd'
NOBODY = 65534

WORDS = [
    '--eviction-hard=memory.available<500Mi,nodefs.available<10%',
    '--a=say "hi" there',
    r'back\slash \x41\n\t',
    '$HOME ${HOME} $$ $',
    "it's",
    '%n %% 100%',
    ';',
    '*',
    '--empty=',
    '',
    '@-+!:',
    r'\"',
]


def dump(folder: pathlib.Path, unit: str) -> str:
    """What systemd understands of the unit; it does not do that as root."""
    with tempfile.TemporaryDirectory() as readable:
        # Pytest's own folders are closed to others again and again.
        shutil.copytree(folder, readable, dirs_exist_ok=True)
        os.chmod(readable, 0o755)           # noqa: S103 - nobody reads it
        done = subprocess.run(
            [SYSTEMD, '--test', '--system', f'--unit={unit}.service'],
            capture_output=True, text=True, check=False, timeout=60,
            user=NOBODY if os.getuid() == 0 else None,
            env={'SYSTEMD_UNIT_PATH': f'{readable}:', 'PATH': os.environ['PATH']},
        )
    text = done.stdout + done.stderr
    # Releases differ in whether the arrow is one of ASCII.
    found = re.search(
        rf'(?:->|→) Unit {re.escape(unit)}\.service:.*?(?=\n\s*(?:->|→) (?:Unit|Job) |\Z)',
        text, re.DOTALL,
    )
    assert found, text[-2000:]
    return found[0]


def arguments(folder: pathlib.Path, unit: str) -> list[str]:
    """The command line that systemd would execute."""
    (line,) = re.findall(r'ExecStart:\s+Command Line: (.*)', dump(folder, unit))
    words = [
        plain or re.sub(r'\\(.)', r'\1', quoted)
        for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', line)
    ]
    # A single "$" would begin a variable when the program is started.
    assert not any(re.search(r'(?<!\$)\$(\$\$)*(?!\$)', word) for word in words), words
    return [word.replace('$$', '$') for word in words]


def write(root: pathlib.Path, call: str) -> pathlib.Path:
    """The folder of units after a call of lib.sh."""
    lib = node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    units = root / 'etc/systemd/system'
    units.mkdir(parents=True, exist_ok=True)
    subprocess.run(['bash', '-c', f'. {lib}; {call}'], check=True)
    return units


def test_arguments_arrive_unchanged(tmp_path: pathlib.Path) -> None:
    call = shlex.join(['write_unit', 'probe', 'A probe', '/bin/echo', *WORDS])
    units = write(tmp_path, call)
    assert arguments(units, 'probe') == ['/bin/echo', *WORDS]


@pytest.mark.parametrize('value', ['http://proxy:3128/%2F', r'http://a"b\c', 'http://$HOME'])
def test_proxies_arrive_unchanged(tmp_path: pathlib.Path, value: str) -> None:
    names = ('MAGNUM_HTTP_PROXY', 'MAGNUM_HTTPS_PROXY', 'MAGNUM_NO_PROXY')
    told = settings.shell(dict.fromkeys(names, value))
    units = write(tmp_path, f'{told}write_unit probe probe /bin/true; proxy_drop_in probe')
    found = dump(units, 'probe')
    for name in ('HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'):
        assert f'Environment: {name}={value}\n' in found, found


def kubelet_arguments(
    root: pathlib.Path, options: str, version: str = 'v1.34.1', **more: str
) -> list[str]:
    """After the whole step on a made-up master."""
    for script in ('common/node/lib.sh', 'kubernetes/node/kubernetes.sh'):
        node_files.place(root, script, f'opt/magnum/{pathlib.Path(script).name}')
    step = node_files.place(root, 'kubernetes/node/70-kubelet.sh', 'opt/magnum/steps/70.sh')
    programs = {
        'kubelet': f'#!/bin/sh\necho Kubernetes {version}\n',
        **dict.fromkeys(('kube-proxy', 'sleep', 'systemctl'), '#!/bin/sh\n'),
    }
    (root / 'usr/local/bin').mkdir(parents=True)
    (root / 'etc/systemd/system').mkdir(parents=True)
    (root / 'etc/magnum').mkdir(parents=True)
    for name, text in programs.items():
        file = root / 'usr/local/bin' / name
        file.write_text(text)
        file.chmod(0o755)
    environment = {
        **dict.fromkeys(re.findall(r'\bMAGNUM_[A-Z_]+\b', step.read_text()), ''),
        'MAGNUM_NODE_ROLE': 'master',
        'MAGNUM_KUBELET_OPTIONS': options,
        **more,
    }
    subprocess.run(
        [step], check=True, capture_output=True, cwd=root,
        env={**environment, 'PATH': f'{root}/usr/local/bin:{os.environ["PATH"]}'},
    )
    return arguments(root / 'etc/systemd/system', 'kubelet')


@pytest.mark.parametrize(
    'options',
    [
        '--eviction-hard=memory.available<500Mi --system-reserved=cpu=5%',
        '--node-labels=a=$b --x=* --y=?',
        r'--z="quoted" --w=back\slash',
    ],
)
def test_options_of_labels_arrive_unchanged(tmp_path: pathlib.Path, options: str) -> None:
    words = kubelet_arguments(tmp_path, options)
    number = len(options.split())
    assert words[-number:] == options.split()


@pytest.mark.parametrize(
    ('version', 'options'),
    [
        ('v1.20.2', {'--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
                     '--container-runtime=remote'}),
        ('v1.26.15', {'--container-runtime-endpoint=unix:///run/containerd/containerd.sock'}),
        ('v1.27.0', set()),
        ('v1.34.1', set()),
    ],
)
def test_kubelets_are_told_their_runtime(
    tmp_path: pathlib.Path, version: str, options: set[str]
) -> None:
    words = kubelet_arguments(tmp_path, '', version)
    assert {word for word in words if word.startswith('--container-runtime')} == options
    settings = yaml.safe_load((tmp_path / 'etc/kubernetes/kubelet.yaml').read_text())
    in_settings = settings.get('containerRuntimeEndpoint')
    assert in_settings == (None if options else 'unix:///run/containerd/containerd.sock')


@pytest.mark.parametrize('scales', ['true', 'false', None])
def test_add_ons_are_looked_at_with_the_nodes_settings(
    tmp_path: pathlib.Path, scales: str | None
) -> None:
    """After the step, which may run again; what the unit runs is run."""
    root = tmp_path
    node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    step = node_files.place(root, 'kubernetes/node/67-charts.sh', 'opt/magnum/steps/67.sh')
    (root / 'opt/magnum/charts.py').write_text('import os; print(os.environ["MAGNUM_ADDONS"])')
    units, programs = root / 'etc/systemd/system', root / 'usr/local/bin'
    for folder in (units, programs, root / 'etc/magnum'):
        folder.mkdir(parents=True)
    (root / 'etc/magnum/node.env').write_text(settings.shell({
        **dict.fromkeys(('MAGNUM_HTTP_PROXY', 'MAGNUM_HTTPS_PROXY', 'MAGNUM_NO_PROXY')),
        'MAGNUM_ADDONS': '{"a": "it\'s $b"}',
    }))
    systemctl = programs / 'systemctl'
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{root}/calls\n')
    systemctl.chmod(0o755)
    path = f'{programs}:{os.environ["PATH"]}'
    told = {} if scales is None else {'MAGNUM_AUTO_SCALING': scales}
    for _ in range(2):
        subprocess.run([step], check=True, env={'PATH': path, **told})
    calls = (root / 'calls').read_text()
    assert 'restart magnum-addons.timer' in calls
    assert ('restart magnum-tokens' in calls) is (scales == 'true')
    if scales == 'true':
        command = arguments(units, 'magnum-tokens')
        assert command[-2:] == ['-m', 'agent.tokens']
        assert f'PYTHONPATH={root}/opt/magnum' in command
    assert 'Type: oneshot' in dump(units, 'magnum-addons')
    done = subprocess.run(
        arguments(units, 'magnum-addons'), check=True, capture_output=True, text=True,
    )
    assert done.stdout == '{"a": "it\'s $b"}\n'


SERVER = '5f0e7d52-9a3c-4f5e-8f7e-0a1b2c3d4e5f'


@pytest.mark.parametrize(
    ('told', 'server', 'provider_id'),
    [
        ('true', f'{SERVER}\n', f'openstack:///{SERVER}'),
        ('true', 'iid-local01\n', None),
        ('true', None, None),
        ('false', f'{SERVER}\n', f'openstack:///{SERVER}'),
    ],
)
def test_kubelets_are_told_their_server(
    tmp_path: pathlib.Path, told: str, server: str | None, provider_id: str | None
) -> None:
    file = tmp_path / 'var/lib/cloud/data/instance-id'
    file.parent.mkdir(parents=True)
    if server:
        file.write_text(server)
    words = kubelet_arguments(tmp_path, '', MAGNUM_CLOUD_PROVIDER=told)
    assert ('--cloud-provider=external' in words) is (told == 'true')
    found = yaml.safe_load((tmp_path / 'etc/kubernetes/kubelet.yaml').read_text())
    assert found.get('providerID') == provider_id
