# roles: master
"""Keep the bay's add-ons installed: Helm charts, as the setting MAGNUM_ADDONS has them.

Every master runs it each minute; the first one that is ready, by name, acts. While none
is, the bay's first does, and installs what makes the network: without it none gets ready.
A newer credential of the cloud is shared by whoever has it: the first may not hear of it.
What it has installed is in a ConfigMap of the cluster, written before the chart is installed,
so that another master goes on with it. What fails is tried again, ever later. How it
goes is in a file for ``conditions.sh``; other masters have none.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from typing import Any

STATE = pathlib.Path('/run/magnum/addons')
FOLDER = pathlib.Path('/var/lib/magnum/addons')
TRIES = FOLDER / 'tries'
KUBECONFIG = '--kubeconfig=/etc/kubernetes/admin.conf'
#: What is in the Secret for those that use the cloud, and where the ledger has its digest and
#: the credential's generation, which masters of earlier releases leave out.
#: Those of Secrets that add-ons have of their own are there with a point and the name.
CLOUD, CLOUD_KEY = pathlib.Path('/etc/kubernetes/cloud.conf'), '.cloud'
SHARED = 'cloud-config'
#: The same for add-ons whose credential is another one, by their names.
CLOUD_OF_ADDONS = pathlib.Path('/etc/kubernetes/cloud')
#: The generation in the master's file.
GENERATION = pathlib.Path('/var/lib/magnum-agent/cloud-fetched')
#: Label of pods: the Secret that they were started with, by as much of its digest as it takes.
MARK, LONGEST = 'magnum.openstack.org/cloud', 63
#: Exit status when the cloud's file is handed on, and not all pods have it yet.
LATER = 75
UNSCHEDULABLE = '{.items[*].status.conditions[?(@.reason=="Unschedulable")].message} '
LEDGER = ('configmap', 'magnum-addons', '--namespace=kube-system')
#: Seconds: of Helm's waiting, until another master's work is taken for dead, between tries.
PATIENCE, DEAD, FIRST_PAUSE, LAST_PAUSE = 600, 1200, 60, 1800
#: The chart of add-ons whose projects have none: what it makes is among its values.
CHART = {
    'Chart.yaml': 'apiVersion: v2\nname: objects\nversion: 1.0.0\n',
    'templates/objects.yaml': '{{ range .Values.objects }}\n---\n{{ toYaml . }}\n{{ end }}\n',
}


class Failed(Exception):
    """Why an add-on is not as it should be."""


class Later(Exception):
    """Who does not have the cloud's file yet."""


def run(*command: object, seconds: int = 60, given: str = '') -> str:
    """Run a program and return what it says.

    :raises Failed: with its last line.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command], input=given, capture_output=True, text=True,
            timeout=seconds, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from None
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip().split('\n')[-1])
    return done.stdout


def kubectl(*words: object, given: str = '') -> str:
    """Ask the node's own API server."""
    return run('kubectl', *words, KUBECONFIG, '--request-timeout=30s', given=given)


def ready_masters() -> list[str]:
    """Names of the masters that are ready."""
    nodes = json.loads(kubectl(
        'get', 'nodes', '--selector=node-role.kubernetes.io/control-plane', '--output=json'
    ))['items']
    return [
        node['metadata']['name'] for node in nodes for one in node['status'].get('conditions', ())
        if one['type'] == 'Ready' and one['status'] == 'True'
    ]


def waits(*where: str, also: str = '') -> str:
    """What pods wait for, in Kubernetes' words.

    :param where: by default all.
    """
    path = also + ('{.items[*].status.initContainerStatuses[*].state.waiting.message} '
                   '{.items[*].status.containerStatuses[*].state.waiting.message}')
    try:
        return kubectl('get', 'pods', *(where or ['--all-namespaces']),
                       f'--output=jsonpath={path}').strip()
    except Failed:
        return ''


def read_ledger(is_acting: bool) -> dict[str, str]:
    """By name the namespace, and the digest of what was installed when it was.

    :param is_acting: make one if there is none.
    """
    told = kubectl('get', *LEDGER, '--ignore-not-found', '--output=json')
    if not told and is_acting:
        kubectl('create', *LEDGER)
    data: dict[str, str] = (json.loads(told).get('data') or {}) if told else {}
    return data


def note(name: str, text: str | None) -> None:
    """Write an add-on into the ledger, or remove it."""
    kubectl('patch', *LEDGER, '--type=merge', '--patch', json.dumps({'data': {name: text}}))


def workloads(name: str, namespace: str) -> dict[str, dict[str, Any]]:
    """What runs the pods of an add-on: its spec, as kubectl calls it."""
    found = json.loads(kubectl(
        'get', 'deployments,daemonsets,statefulsets', f'--namespace={namespace}', '--output=json',
        '--selector=app.kubernetes.io/managed-by=Helm',
    ))['items']
    return {
        f'{one["kind"].lower()}/{one["metadata"]["name"]}': one['spec'] for one in found
        if one['metadata'].get('annotations', {}).get('meta.helm.sh/release-name')
        == f'magnum-{name}'
    }


def restart(name: str, namespace: str) -> None:
    """Start the pods of an add-on anew."""
    for one in workloads(name, namespace):
        kubectl('rollout', 'restart', one, f'--namespace={namespace}')


def start_with(mark: str, name: str, namespace: str) -> dict[str, dict[str, Any]]:
    """Start the pods of an add-on anew that were started with another Secret; what runs them.

    However many masters do so, they start once.
    """
    found = workloads(name, namespace)
    change = {'spec': {'template': {'metadata': {'labels': {MARK: mark}}}}}
    for one, spec in found.items():
        if (spec['template']['metadata'].get('labels') or {}).get(MARK) != mark:
            kubectl('patch', one, f'--namespace={namespace}', '--type=merge', '--patch',
                    json.dumps(change))
    return found


def pods_without(mark: str, spec: dict[str, Any], namespace: str) -> int:
    """How many pods run that were started with another Secret; not those that are ending."""
    labels = [f'{key}={text}' for key, text in spec['selector']['matchLabels'].items()]
    found = json.loads(kubectl(
        'get', 'pods', f'--namespace={namespace}', '--output=json',
        f'--selector={",".join(labels)},{MARK}!={mark}',
        '--field-selector=status.phase!=Succeeded,status.phase!=Failed',
    ))['items']
    return sum('deletionTimestamp' not in pod['metadata'] for pod in found)


def uses_cloud(chart: dict[str, Any]) -> bool:
    """Whether an add-on has what this master has of the cloud."""
    return 'cloud' in chart or 'secret' in chart


def cloud_secret(chart: dict[str, Any]) -> str:
    """The Secret that pods of an add-on read when they start."""
    return str(chart.get('cloud_secret', SHARED))


def cloud_file(name: str) -> str:
    """What this master has of the cloud for an add-on."""
    own = CLOUD_OF_ADDONS / f'{name}.conf'
    return (own if own.exists() else CLOUD).read_text()


def ledger_key(secret: str) -> str:
    """Where the ledger has the digest of a Secret for those that use the cloud."""
    return CLOUD_KEY if secret == SHARED else f'{CLOUD_KEY}.{secret}'


def is_of_cloud(key: str) -> bool:
    """Whether an entry of the ledger is of such a Secret, and of no add-on."""
    return key.startswith(CLOUD_KEY)


def noted(entry: str) -> tuple[str, int | None]:
    """What an entry of the ledger says of a Secret: digest and generation, where it is known."""
    found, generation, *_ = [*entry.split(), '', '']
    return found, int(generation) if generation else None


def share_cloud(charts: dict[str, Any], before: dict[str, str], is_first: bool = True) -> None:
    """Let those that use the cloud have what this master's file says, if it says another.

    No credential takes the place of a newer one. Where the ledger does not know which is
    newer, the first master does.

    :param before: the ledger.
    :raises Later: it is left to the first master, which has not done so yet.
    """
    if not any(map(uses_cloud, charts.values())):
        return
    try:
        of_cloud = secrets_of_cloud(charts)
    except OSError as error:
        raise Failed(str(error)) from None
    generation = int(GENERATION.read_text()) if GENERATION.exists() else 0
    for secret, files in of_cloud.items():
        key, found = ledger_key(secret), digest(json.dumps(files).encode())
        there, newest = noted(before.get(key, ''))
        if there == found and newest == generation:
            continue
        if newest is None and not is_first:
            if there not in ('', found):
                raise Later(f'the first ready master has not shared {secret} yet')
            continue
        # Of the same generation the first one's counts: settings beside it may be others.
        if newest is not None and generation < newest + (not is_first):
            continue
        if there != found:
            kubectl('apply', '--server-side', '--force-conflicts', '--filename=-',
                    given=json.dumps({
                        'apiVersion': 'v1', 'kind': 'Secret',
                        'data': {name: base64.b64encode(text.encode()).decode()
                                 for name, text in files.items()},
                        'metadata': {'name': secret, 'namespace': 'kube-system'},
                    }))
        # They read that one when they start.
        if there != found:
            for name, chart in readers(charts, before):
                if cloud_secret(chart) == secret:
                    start_with(found[:LONGEST], name, chart['namespace'])
        before[key] = f'{found} {generation}'
        note(key, before[key])


def hand_on(charts: dict[str, Any], before: dict[str, str], is_first: bool) -> None:
    """Share the cloud's file, and see that pods have what is shared.

    :raises Later: not all of them do.
    """
    share_cloud(charts, before, is_first)
    behind = []
    for name, chart in readers(charts, before):
        namespace = chart['namespace']
        mark = noted(before.get(ledger_key(cloud_secret(chart)), ''))[0][:LONGEST]
        if not mark:
            continue
        for one, spec in start_with(mark, name, namespace).items():
            count = pods_without(mark, spec, namespace)
            if count:
                reason = waits(f'--namespace={namespace}',
                               f'--selector=app.kubernetes.io/instance=magnum-{name}')
                behind.append(f'{one} in {namespace}: {count} {reason}'.strip())
    if behind:
        raise Later(f'pods that have the former credential: {"; ".join(behind)}')


def readers(charts: dict[str, Any], before: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The add-ons that are there whose pods read a Secret for them when they start."""
    return [
        (name, chart) for name, chart in charts.items() if 'cloud' in chart and name in before
    ]


def forget_cloud(charts: dict[str, Any], before: dict[str, str]) -> None:
    """Remove the Secrets that nobody uses any more.

    :param before: the ledger.
    """
    used = {name for name, chart in charts.items() if 'secret' in chart}
    used |= {cloud_secret(chart) for chart in charts.values() if 'cloud' in chart}
    for key in filter(is_of_cloud, before):
        secret = key[len(CLOUD_KEY) + 1:] or SHARED
        if secret not in used:
            kubectl('delete', 'secret', secret, LEDGER[-1], '--ignore-not-found')
            note(key, None)


def secrets_of_cloud(charts: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The Secrets for those that use the cloud: by their names what is in them.

    :raises OSError: this master has no file of the cloud.
    """
    found: dict[str, dict[str, str]] = {}
    for name, chart in charts.items():
        if 'cloud' in chart:
            content, told = cloud_file(name), chart['cloud']
            files = found.setdefault(cloud_secret(chart), {'cloud.conf': content})
            if told is not True:
                files[f'{name}.yaml'] = own_file(content, told)
        if 'secret' in chart:
            known = sections(cloud_file(name))['Global']
            found[name] = {
                key: known[option] for key, option in chart['secret'].items() if option in known
            }
    return found


def own_file(content: str, told: dict[str, Any]) -> str:
    """What an add-on reads that takes no cloud.conf: the same as JSON, and so as YAML.

    :param content: of cloud.conf.
    :param told: what it reads beside that.
    """
    known = sections(content)
    of_balancers = {key: text for key, text in known['LoadBalancer'].items() if key[:3] != 'lb-'}
    return json.dumps({
        **told, 'openstack': known['Global'], 'octavia': {**of_balancers, **told['octavia']},
    })


def sections(content: str) -> dict[str, dict[str, str]]:
    """What cloud.conf says, by sections."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(content)
    return {
        section: {key: json.loads(text) if text.startswith('"') else text
                  for key, text in parser[section].items()}
        for section in parser.sections()
    }


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def fetch(url: str, sha256: str, name: str, is_users: bool = False) -> pathlib.Path:
    """Download a file, unless it is there, and check it.

    :param is_users: their own, that needs no digest.
    """
    file = FOLDER / name
    if sha256 and file.exists() and digest(file.read_bytes()) == sha256:
        return file
    insecure = os.environ['MAGNUM_INSECURE_DOWNLOADS'] == 'true'
    if not sha256 and not insecure and not is_users:
        raise Failed(f'no digest of {url} was given')
    allowed = '=https,http' if insecure else '=https'
    run('curl', '--proto', allowed, '--proto-redir', allowed, '--fail', '--silent',
        '--show-error', '--location', '--connect-timeout', 20, '--max-time', 300, '--output', file,
        url, seconds=330)
    if sha256 and digest(file.read_bytes()) != sha256:
        file.unlink()
        raise Failed(f'{url} is not what it should be, with the digest {sha256}')
    return file


def helm_program(told: dict[str, Any]) -> str:
    """The guest's, or the one that is downloaded."""
    program = FOLDER / f'helm-{told["release"]}'
    found = shutil.which('helm')
    if not found and not program.exists():
        architecture = run('dpkg', '--print-architecture').strip()
        url = told['url'].replace('{architecture}', architecture)
        archive = fetch(url, told['sha256'].get(architecture, ''), 'helm.tar.gz')
        new = FOLDER / 'new'
        with tarfile.open(str(archive)) as files:
            for member in files:
                content = files.extractfile(member)
                if content and member.name.endswith('/helm'):
                    new.write_bytes(content.read())
        if not new.exists():
            raise Failed(f'{url} has no program helm')
        new.chmod(0o755)
        new.rename(program)
    return found or str(program)


def chart_of_objects() -> pathlib.Path:
    """The folder of that chart."""
    folder = FOLDER / 'objects'
    (folder / 'templates').mkdir(parents=True, exist_ok=True)
    for name, text in CHART.items():
        (folder / name).write_text(text)
    return folder


class Addon:
    """A release of Helm: ``magnum-`` and the add-on's name."""

    def __init__(self, program: str, name: str, namespace: str) -> None:
        self._program, self._name, self._release = program, name, f'magnum-{name}'
        self._there = f'--namespace={namespace}'

    def _helm(self, verb: str, *words: object) -> str:
        return run(self._program, verb, self._release, *words, self._there, KUBECONFIG,
                   seconds=PATIENCE + 120)

    def install(self, told: dict[str, Any]) -> None:
        """Install it, or make what is installed what is told."""
        chart = (fetch(told['url'], told['sha256'], f'{self._name}.tgz') if 'url' in told
                 else chart_of_objects())
        values = FOLDER / f'{self._name}.json'
        values.write_text(json.dumps(told['values']))
        if 'password' in told:
            self._make_password(told['namespace'], **told['password'])
        # A release that works stays if the next does not.
        how = '--atomic' if self._is_deployed() else '--wait'
        try:
            self._helm('upgrade', chart, '--install', how, f'--timeout={PATIENCE}s',
                       '--create-namespace', f'--values={values}', '--history-max=3')
        except Failed as error:
            selector = f'--selector=app.kubernetes.io/instance={self._release}'
            waiting = waits() if 'network' in told else waits(
                self._there, selector, also=UNSCHEDULABLE
            )
            raise Failed(f'{error} {waiting}'.strip()) from None

    def remove(self) -> None:
        """Uninstall it, if it is installed."""
        self._helm('uninstall', '--ignore-not-found', '--wait', f'--timeout={PATIENCE}s')

    def _is_deployed(self) -> bool:
        """Undo before what a Helm that was killed has left."""
        try:
            info = json.loads(self._helm('status', '--output=json'))['info']
        except Failed as error:
            if 'not found' in str(error):
                return False
            raise
        if info['status'] == 'uninstalling':
            self.remove()
            return False
        if not info['status'].startswith('pending'):
            return bool(info['status'] == 'deployed')
        since = re.sub(r'\.\d+', '', info['last_deployed']).replace('Z', '+00:00')
        if time.time() - datetime.datetime.fromisoformat(since).timestamp() < DEAD:
            raise Failed(f'Helm is at work since {since}: {info["status"]}')
        if info['status'] == 'pending-install':
            self.remove()
            return False
        self._helm('rollback')
        return True

    def _make_password(self, namespace: str, secret: str, user: str) -> None:
        if not kubectl('get', 'namespace', namespace, '--ignore-not-found'):
            kubectl('create', 'namespace', namespace)
        if not kubectl('get', 'secret', secret, self._there, '--ignore-not-found'):
            kubectl('create', self._there, '--filename=-', given=json.dumps({
                'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': secret},
                'stringData': {'user': user, 'password': secrets.token_urlsafe(16)},
            }))


def make(
    name: str, helm: dict[str, Any], chart: dict[str, Any] | None, namespace: str, wanted: str
) -> None:
    """Install an add-on; remove one that the bay is not told of any more.

    :param chart: None: the bay is told of none.
    :param wanted: what the ledger then says.
    """
    if chart:
        note(name, namespace)
    if chart and 'manifest' in chart:
        file = fetch(chart['manifest'], '', f'{name}.yaml', is_users=True)
        kubectl('apply', f'--filename={file}')
        note(name, wanted)
        return
    addon = Addon(helm_program(helm), name, namespace)
    if chart:
        addon.install(chart)
    else:
        addon.remove()
    note(name, wanted or None)


def look(told: dict[str, Any], before: dict[str, str], is_early: bool) -> None:
    """One round over all add-ons.

    :param before: the ledger.
    :param is_early: no node is ready: over those that make the network.
    """
    charts = told['charts']
    names = [name for name in charts if not is_early or 'network' in charts[name]]
    if not is_early:
        names += [name for name in before if name not in charts and not is_of_cloud(name)]
    tries = json.loads(TRIES.read_text()) if TRIES.exists() else {}
    tries = {name: said for name, said in tries.items() if name in names}
    # What failed comes last: it may take long.
    for name in sorted(names, key=lambda name: name in tries):
        chart, wanted = charts.get(name), ''
        namespace = (chart or {}).get('namespace') or before[name].split()[0]
        if chart:
            wanted = f'{namespace} {digest(json.dumps(chart).encode())}'
        failures, then, of, _ = tries.get(name, (0, 0, wanted, ''))
        if of != wanted:
            failures = then = 0
        if time.time() < then and wanted != before.get(name):
            continue
        try:
            if chart and uses_cloud(chart):
                share_cloud(charts, before)
            if wanted != before.get(name):
                say(tries, name)
                make(name, told['helm'], chart, namespace, wanted)
            tries.pop(name, None)
        except Failed as error:
            then = time.time() + min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10))
            tries[name] = failures + 1, then, wanted, str(error)
    TRIES.write_text(json.dumps(tries))
    waiting = '' if tries or not is_early else waits()
    say({'network': [0, 0, '', waiting]} if waiting else tries, 'network' if is_early else '')
    forget_cloud(charts, before)


def say(tries: dict[str, Any], at_work: str = '') -> None:
    """Write how it goes, for ``conditions.sh`` and into the journal."""
    bad = '; '.join(f'{name}: {said[3]}' for name, said in sorted(tries.items()))
    well = f'Unknown Working {at_work}' if at_work else 'True Installed'
    text = f'False Failing {bad}' if bad else well
    print(text, flush=True)
    STATE.parent.mkdir(parents=True, exist_ok=True)
    new = STATE.with_suffix('.new')
    new.write_text(text + '\n')
    new.replace(STATE)


def main(verb: str = '') -> None:
    """Act, or leave that to another master.

    :param verb: ``restart`` starts all add-ons anew; ``cloud`` hands the file of the cloud
        on, and nothing else.
    :raises Later: pods do not have the file yet.
    """
    told = json.loads(zlib.decompress(base64.b64decode(os.environ['MAGNUM_ADDONS'])))
    FOLDER.mkdir(parents=True, exist_ok=True)
    ready = ready_masters()
    charts = told['charts']
    is_early = not ready and os.environ['MAGNUM_NODE_INDEX'] == '0' and any(
        'network' in chart for chart in charts.values()
    )
    is_first = is_early or min(ready, default='') == os.environ['MAGNUM_NODE_NAME']
    is_acting = is_first or verb == 'restart'
    is_asking = is_acting or any(map(uses_cloud, charts.values()))
    before = read_ledger(is_acting) if is_asking else {}
    if verb == 'restart':
        for name, text in before.items():
            if not is_of_cloud(name):
                restart(name, text.split()[0])
        for chart in charts.values():
            if 'operates' in chart:
                kubectl('rollout', 'restart', 'deployments,daemonsets',
                        f'--namespace={chart["operates"]}')
    elif verb == 'cloud':
        hand_on(charts, before, is_first)
    elif is_first and (charts or before):
        look(told, before, is_early)
    else:
        if STATE.exists():
            STATE.unlink()
        with contextlib.suppress(Later):
            share_cloud(charts, before, is_first)


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except Later as error:
        print(error, file=sys.stderr)
        sys.exit(LATER)
