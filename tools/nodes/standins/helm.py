#!/usr/bin/python3
"""A stand-in for Helm: ``upgrade --install``, ``status``, ``list``, ``rollback``, ``uninstall``.

It takes the options of Helm 3 that add-ons need and keeps releases in files of
``/var/lib/helm-stand-in``. The manifests of a chart are applied and deleted by kubectl
as they are: there are no templates in them, but for the chart of objects that masters
make. Kinds of objects, in the folder ``crds``, are made when a release is installed, and stay.
A chart with a file ``fails`` fails with
what is in it, and so does a release with a file ``<release>.fails`` beside its state.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from typing import Any

RELEASES = pathlib.Path('/var/lib/helm-stand-in')
#: The only one that it knows.
_TEMPLATE = '{{ range .Values.objects }} --- {{ toYaml . }} {{ end }}'


class Failed(Exception):
    """What Helm says when it fails."""


class Releases:
    """Releases by namespace and name."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    def _file(self, suffix: str) -> pathlib.Path:
        namespace, name = str(self._options.namespace), str(self._options.release)
        return RELEASES / namespace / f'{name}{suffix}'

    def read(self) -> dict[str, Any]:
        """The release's state.

        :raises Failed: there is none.
        """
        try:
            found: dict[str, Any] = json.loads(self._file('.json').read_text())
        except FileNotFoundError:
            raise Failed('release: not found') from None
        return found

    def keep(self, release: dict[str, Any], status: str) -> None:
        """Write a state, with the time."""
        file = self._file('.json')
        file.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now(datetime.UTC)
        info = {'status': status, 'last_deployed': now.isoformat().replace('+00:00', 'Z')}
        file.write_text(json.dumps({**release, 'info': info}))

    def upgrade(self) -> None:
        """Install or change it; back to what was there if that fails and is to be atomic."""
        options = self._options
        try:
            before = self.read()
        except Failed:
            if not options.install:
                raise Failed(f'"{options.release}" has no deployed releases') from None
            before = {}
        if before.get('info', {}).get('status', '').startswith('pending'):
            raise Failed('another operation (install/upgrade/rollback) is in progress')
        if before.get('info', {}).get('status') == 'uninstalling':
            raise Failed(f'"{options.release}" has no deployed releases')
        values = json.loads(pathlib.Path(options.values).read_text()) if options.values else {}
        if pathlib.Path(options.chart).is_dir():
            chart, files = _read_folder(pathlib.Path(options.chart), values)
        else:
            chart, files = _read_chart(options.chart)
        now = {
            'name': options.release, 'namespace': options.namespace, 'chart': chart,
            'config': values, 'version': before.get('version', 0) + 1, 'manifests': files,
        }
        self.keep(now, 'pending-upgrade' if before else 'pending-install')
        try:
            self._fail(files)
            if options.create_namespace:
                self._make_namespace()
            if not before:
                self._make_kinds(files)
            self._apply('apply', files)
        except Failed:
            if before and options.atomic:
                self.keep({**before, 'version': now['version'] + 1}, 'deployed')
            else:
                self.keep(now, 'failed')
            raise
        self.keep(now, 'deployed')

    def _fail(self, files: dict[str, str]) -> None:
        own = self._file('.fails')
        said = files.get('fails') or (own.exists() and own.read_text())
        if said:
            raise Failed(str(said).strip())

    def status(self) -> None:
        """Print it."""
        print(json.dumps(self.read()))

    def list(self) -> None:
        """Print all of the namespace."""
        states = [json.loads(file.read_text())
                  for file in sorted((RELEASES / self._options.namespace).glob('*.json'))]
        print(json.dumps([
            {'name': one['name'], 'namespace': one['namespace'], 'chart': one['chart'],
             'revision': str(one['version']), 'status': one['info']['status']}
            for one in states
        ]))

    def rollback(self) -> None:
        """Take it as deployed."""
        self.keep(self.read(), 'deployed')

    def uninstall(self) -> None:
        """Remove it."""
        try:
            release = self.read()
        except Failed:
            if self._options.ignore_not_found:
                return
            raise
        self._fail({})
        self._apply('delete', release['manifests'])
        self._file('.json').unlink()

    def _make_namespace(self) -> None:
        subprocess.run(
            ['kubectl', 'create', 'namespace', self._options.namespace,
             f'--kubeconfig={self._options.kubeconfig}'],
            capture_output=True, check=False,    # it may be there
        )

    def _make_kinds(self, files: dict[str, str]) -> None:
        kinds = [text for name, text in files.items() if name.startswith('crds/')]
        self._kubectl(kinds, 'apply')
        self._kubectl(kinds, 'wait', '--for=condition=established')

    def _apply(self, verb: str, files: dict[str, str]) -> None:
        manifests = [text for name, text in files.items() if name.startswith('templates/')]
        words = ['--ignore-not-found'] if verb == 'delete' else []
        self._kubectl(manifests, verb, *words)

    def _kubectl(self, manifests: Sequence[str], *words: str) -> None:
        if not manifests:
            return
        done = subprocess.run(
            ['kubectl', words[0], f'--kubeconfig={self._options.kubeconfig}', *words[1:],
             f'--namespace={self._options.namespace}', '--filename=-'],
            # As Helm's: kubectl takes what begins with "{" for JSON to its end.
            input=''.join(f'---\n{text}\n' for text in manifests),
            capture_output=True, text=True, check=False,
        )
        if done.returncode:
            raise Failed(done.stderr.strip())


def _read_chart(name: str) -> tuple[str, dict[str, str]]:
    """A chart's archive: name and version, and its files."""
    found = {}
    with tarfile.open(name) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content:
                found[member.name.partition('/')[2]] = content.read().decode()
    return _name(found.pop('Chart.yaml')), found


def _read_folder(folder: pathlib.Path, values: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The chart whose one template shows the objects that are among its values."""
    (template,) = (folder / 'templates').iterdir()
    if template.read_text().split() != _TEMPLATE.split():
        raise Failed(f'parse error at {template}')
    return _name((folder / 'Chart.yaml').read_text()), {
        f'templates/{place}.json': json.dumps(one) for place, one in enumerate(values['objects'])
    }


def _name(text: str) -> str:
    told = dict(line.split(': ', 1) for line in text.splitlines())
    return f'{told["name"]}-{told["version"]}'


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog='helm')
    verbs = parser.add_subparsers(dest='verb', required=True)
    for verb in ('upgrade', 'status', 'list', 'rollback', 'uninstall'):
        one = verbs.add_parser(verb)
        if verb != 'list':
            one.add_argument('release')
        one.add_argument('--namespace', default='default')
        one.add_argument('--kubeconfig', default=os.environ.get('KUBECONFIG', ''))
        one.add_argument('--output', choices=['json'], default='json')
        one.add_argument('--timeout')
        one.add_argument('--wait', action='store_true')
        if verb == 'upgrade':
            one.add_argument('chart')
            for word in ('--install', '--create-namespace', '--atomic'):
                one.add_argument(word, action='store_true')
            one.add_argument('--values')
            one.add_argument('--history-max', type=int)
        if verb == 'uninstall':
            one.add_argument('--ignore-not-found', action='store_true')
    options = parser.parse_args()
    try:
        getattr(Releases(options), options.verb)()
    except Failed as error:
        print(f'Error: {error}', file=sys.stderr)
        sys.exit(1)


if __name__ == '__main__':
    main()
