"""Masters of one cluster that keep its add-ons: the real program, stand-ins around it."""

import base64
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Mapping
from typing import Any

from magnum.drivers import settings
from tests.unit.drivers import curl, node_files

STAND_IN = pathlib.Path(__file__).parents[3] / 'tools/nodes/standins/helm.py'
#: An add-on of which nothing is special.
METRICS = 'metrics-server'

#: The API as far as it is asked: objects are files, nodes are in "nodes".
KUBECTL = r'''#!@python
import json, pathlib, sys
folder = pathlib.Path('@cluster')
words = [word for word in sys.argv[1:] if not word.startswith('-')]
options = dict(word.split('=', 1) for word in sys.argv[1:] if word.startswith('--') and '=' in word)
assert options['--kubeconfig'].endswith('/etc/kubernetes/admin.conf'), sys.argv
if (folder / 'away').exists():
    sys.exit('The connection to the server was refused')

LABEL = 'magnum.openstack.org/cloud'
def kept(name):
    file = folder / name
    return json.loads(file.read_text()) if file.exists() else {}
def keep(name, key, text):
    (folder / name).write_text(json.dumps({**kept(name), key: text}))

verb, *words = words
if verb == 'create' and options.get('--filename') == '-':
    made = json.load(sys.stdin)
    words = [made['kind'].lower(), made['metadata']['name']]
    (folder / '-'.join(words)).write_text(json.dumps(made))
elif verb == 'create':
    file = folder / '-'.join(words)
    if file.exists():
        sys.exit('AlreadyExists')
    file.write_text('{}')
elif verb == 'patch':
    change = json.loads(words.pop())
    if 'spec' in change:
        if (folder / 'restarts-fail').exists():
            sys.exit('no')
        (label, mark), = change['spec']['template']['metadata']['labels'].items()
        assert label == LABEL and len(mark) <= 63, change
        keep('templates', words[0], mark)
        if not (folder / 'rollouts-stall').exists():
            keep('pods', words[0], mark)
        with (folder / 'restarts').open('a') as file:
            file.write(f'{words[0]} {options["--namespace"]}\n')
        sys.exit()
    change = change['data']
    file = folder / '-'.join(words)
    data = {**json.loads(file.read_text()).get('data', {}), **change}
    data = {name: text for name, text in data.items() if text is not None}
    file.write_text(json.dumps({'data': data} if data else {}))
elif verb in ('apply', 'delete') and '--namespace' in options and '--filename' in options:
    # Helm's. What begins with an object is JSON to its end, as for kubectl.
    given = sys.stdin.read()
    texts = given.split('---\n')[1:] if given.startswith('---\n') else [given]
    objects = [json.loads(text) for text in texts]
    (folder / 'objects').write_text(json.dumps(objects if verb == 'apply' else []))
elif verb == 'apply':
    if options['--filename'] == '-':
        made = json.load(sys.stdin)
        assert made['metadata']['namespace'] == 'kube-system', made['metadata']
        (folder / f'secret-{made["metadata"]["name"]}').write_text(json.dumps(made['data']))
        sys.exit()
    text = pathlib.Path(options['--filename']).read_text()
    if 'bad' in text:
        sys.exit('error: no such kind')
    with (folder / 'applied').open('a') as file:
        file.write(text)
elif verb == 'delete':
    (folder / '-'.join(words)).unlink()
elif verb == 'rollout':
    if (folder / 'restarts-fail').exists():
        sys.exit('no')
    with (folder / 'restarts').open('a') as file:
        file.write(f'{words[1]} {options["--namespace"]}\n')
elif words[0] == 'deployments,daemonsets,statefulsets':
    assert options['--selector'] == 'app.kubernetes.io/managed-by=Helm'
    print(json.dumps({'items': [
        {'kind': 'DaemonSet', 'metadata': {
            'name': f'{name}-pods',
            'annotations': {'meta.helm.sh/release-name': name},
        }, 'spec': {
            'selector': {'matchLabels': {'app': f'{name}-pods'}},
            'template': {'metadata': {'labels': {
                'app': f'{name}-pods',
                **{LABEL: mark for one, mark in kept('templates').items()
                   if one == f'daemonset/{name}-pods'},
            }}},
        }} for name in (
            'magnum-cloud-provider', 'magnum-cinder-csi', 'magnum-metrics-server', 'of-a-user'
        )
    ] + [{'kind': 'Deployment', 'metadata': {'name': 'bare'}, 'spec': {}}]}))
elif words[0] == 'nodes':
    print((folder / 'nodes').read_text())
elif words[0] == 'pods' and '--all-namespaces' in sys.argv:
    file = folder / 'waits'
    print(file.read_text() if file.exists() else ' ')
elif words[0] == 'pods' and options['--output'] == 'json':
    app, wanted = options['--selector'].split(',')
    name = app.removeprefix('app=')
    label, _, mark = wanted.partition('!=')
    assert label == LABEL, options
    pods = [] if kept('pods').get(f'daemonset/{name}') == mark else [{'metadata': {}}]
    if (folder / 'ending').exists():
        pods = [{'metadata': {'deletionTimestamp': '2026-01-01T00:00:00Z'}}]
    print(json.dumps({'items': pods}))
elif words[0] == 'pods':
    print('Back-off pulling image "registry.example.org/x"')
elif verb == 'get' and (folder / '-'.join(words)).exists():
    print((folder / '-'.join(words)).read_text())
'''


def packed(told: Any) -> str:
    """The setting that masters read."""
    return base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()


def unpacked(settings_text: str) -> Any:
    """What masters are told by their settings."""
    return unpack(settings.parse(settings_text)['MAGNUM_ADDONS'])


def unpack(setting: str) -> Any:
    """What is in it."""
    return json.loads(zlib.decompress(base64.b64decode(setting)))


def archive(files: Mapping[str, str]) -> bytes:
    """An archive as charts and Helm come in."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w:gz') as made:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            made.addfile(info, io.BytesIO(text.encode()))
    return content.getvalue()


class Cluster:
    """What its masters share: the API, the web, the releases."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        for name in ('api', 'web', 'releases'):
            (root / name).mkdir()
        self.charts: dict[str, Any] = {}
        self.helm: dict[str, Any] = {}
        text = STAND_IN.read_text().replace('/var/lib/helm-stand-in', str(root / 'releases'))
        text = text.replace('#!/usr/bin/python3', f'#!{sys.executable}')
        content = archive({'linux-amd64/LICENSE': '', 'linux-amd64/helm': text})
        self.put('helm-v3.tar.gz', content)
        self.helm = {
            'release': 'v3', 'url': 'https://helm/helm-v3.tar.gz',
            'sha256': {'amd64': hashlib.sha256(content).hexdigest()},
        }
        self.nodes(master0=True)

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the web."""
        (self.root / 'web' / name).write_bytes(content)

    def want(self, name: str, version: str = '1.0.0', **changes: Any) -> dict[str, Any]:
        """Have a chart in the web, and want it."""
        content = archive({f'{name}/Chart.yaml': f'name: {name}\nversion: {version}\n'})
        self.put(f'{name}-{version}.tgz', content)
        self.charts[name] = {
            'url': f'https://charts/{name}-{version}.tgz', 'namespace': 'kube-system',
            'sha256': hashlib.sha256(content).hexdigest(), 'values': {}, **changes,
        }
        chart: dict[str, Any] = self.charts[name]
        return chart

    def nodes(self, **ready: bool) -> None:
        """The masters that there are, and whether they are ready."""
        (self.root / 'api/nodes').write_text(json.dumps({'items': [
            {'metadata': {'name': name},
             'status': {'conditions': [{'type': 'Ready', 'status': str(is_ready)}]}}
            for name, is_ready in ready.items()
        ]}))

    def release(self, name: str, namespace: str = 'kube-system') -> dict[str, Any] | None:
        """A release of Helm."""
        file = self.root / 'releases' / namespace / f'magnum-{name}.json'
        if not file.exists():
            return None
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def change(self, name: str, info: Mapping[str, str]) -> None:
        """Write into a release."""
        file = self.root / f'releases/kube-system/magnum-{name}.json'
        file.write_text(json.dumps({**json.loads(file.read_text()), 'info': info}))

    def fails(self, name: str, reason: str = '') -> None:
        """Let a release fail from now on, or no longer."""
        file = self.root / f'releases/kube-system/magnum-{name}.fails'
        if reason:
            file.parent.mkdir(exist_ok=True)
            file.write_text(reason)
        else:
            file.unlink()

    def waits(self, reason: str) -> None:
        """Let pods wait for something, or for nothing."""
        (self.root / 'api/waits').write_text(reason)

    def shared(self, name: str = 'cloud.conf', secret: str = 'cloud-config') -> str | None:
        """A file of a Secret for those that use the cloud."""
        return (self.secret(secret) or {}).get(name)

    def secret(self, name: str) -> dict[str, str] | None:
        """What is in a Secret that masters keep."""
        file = self.root / f'api/secret-{name}'
        if not file.exists():
            return None
        found = json.loads(file.read_text())
        return {key: base64.b64decode(text).decode() for key, text in found.items()}

    def restarts(self) -> list[str]:
        """What was started anew since it was asked last."""
        file = self.root / 'api/restarts'
        found = file.read_text().splitlines() if file.exists() else []
        file.write_text('')
        return found

    def applied(self) -> list[Any]:
        """What Helm has applied of the last chart with objects, and not deleted."""
        found: list[Any] = json.loads((self.root / 'api/objects').read_text())
        return found

    def stall(self, is_stalled: bool = True) -> None:
        """Let pods that are started anew stay as they are, until they are no more to."""
        file = self.root / 'api/rollouts-stall'
        if is_stalled:
            file.touch()
        else:
            file.unlink()
            (self.root / 'api/pods').write_text((self.root / 'api/templates').read_text())

    def ledger(self) -> dict[str, str]:
        """What masters have noted."""
        file = self.root / 'api/configmap-magnum-addons'
        found: dict[str, str] = json.loads(file.read_text()).get('data', {})
        return found

    def note(self, name: str, text: str) -> None:
        """Note what a master of an earlier release would."""
        file = self.root / 'api/configmap-magnum-addons'
        file.write_text(json.dumps({'data': {**self.ledger(), name: text}}))


class Master:
    """A master with its own folders."""

    def __init__(self, cluster: Cluster, name: str = 'master0'):
        self.cluster, self.name, self.root = cluster, name, cluster.root / name
        self.bin = self.root / 'bin'
        self.bin.mkdir(parents=True)
        texts = {
            'kubectl': KUBECTL.replace('@cluster', str(cluster.root / 'api')),
            'curl': curl.stand_in(self.root, curl.from_web(cluster.root / 'web')),
            'dpkg': '#!/bin/sh\necho amd64\n',
        }
        for program, text in texts.items():
            file = self.bin / program
            file.write_text(
                text.replace('@python', sys.executable).replace('@root', str(self.root))
            )
            file.chmod(0o755)
        self.program = node_files.place(self.root, 'kubernetes/node/charts.py', 'charts.py')

    def install_helm(self) -> None:
        """As where the guest has it."""
        file = self.cluster.root / 'web/helm-v3.tar.gz'
        with tarfile.open(file) as files:
            content = files.extractfile('linux-amd64/helm')
            assert content
            (self.bin / 'helm').write_bytes(content.read())
        (self.bin / 'helm').chmod(0o755)
        file.unlink()

    def look(
        self, *words: str, insecure: str = 'false'
    ) -> subprocess.CompletedProcess[str]:
        """One round."""
        told = {'helm': self.cluster.helm, 'charts': self.cluster.charts}
        return subprocess.run(
            [sys.executable, self.program, *words], capture_output=True, text=True, check=False,
            timeout=60, env={
                'PATH': f'{self.bin}:/usr/bin:/bin', 'MAGNUM_NODE_NAME': self.name,
                'MAGNUM_ADDONS': packed(told), 'MAGNUM_INSECURE_DOWNLOADS': insecure,
                'MAGNUM_NODE_INDEX': self.name.removeprefix('master'),
                'HOME': os.environ.get('HOME', '/'),
            },
        )

    def share(self, text: str, generation: int | None = None, **of_addons: str) -> None:
        """Have a file of the cloud, those of add-ons, and the generation of what is in them."""
        told = {'etc/kubernetes/cloud.conf': text, **{
            f'etc/kubernetes/cloud/{name.replace("_", "-")}.conf': content
            for name, content in of_addons.items()
        }}
        if generation is not None:
            told['var/lib/magnum-agent/cloud-fetched'] = str(generation)
        for name, content in told.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def condition(self) -> str | None:
        """What is reported."""
        file = self.root / 'run/magnum/addons'
        return file.read_text().strip() if file.exists() else None

    def wait(self) -> None:
        """Let the time pass until what failed is tried again."""
        file = self.root / 'var/lib/magnum/addons/tries'
        tries = json.loads(file.read_text())
        file.write_text(json.dumps({
            name: [failures, 0, of, said] for name, (failures, _, of, said) in tries.items()
        }))

    def pauses(self) -> dict[str, float]:
        """Until when it waits, by add-on."""
        tries = json.loads((self.root / 'var/lib/magnum/addons/tries').read_text())
        return {name: then for name, (_, then, _, _) in tries.items()}

    def calls(self) -> list[str]:
        """What it has downloaded."""
        file = self.root / 'calls'
        return file.read_text().splitlines() if file.exists() else []
