"""``openstack bay config``: what the COE's own client needs, put where it looks."""

import argparse
import os
import pathlib
import shlex
from typing import Any, Final

from osc_lib import exceptions

from osc_magnum import docker_contexts, files, keys, kubeconfig
from osc_magnum.columns import Row, record
from osc_magnum.commands import base
from osc_magnum.service import BAYS, CERTIFICATES, Document, one

_KUBECONFIG: Final = 'config'
_ENVIRONMENT: Final = 'environment'
_KEY: Final = 'key.pem'
_LABEL: Final = 'keystone_auth_enabled'


class ConfigureClient(base.Show):
    """Configure kubectl, docker, or the clients of Mesos for a bay.

    Kubernetes: a context in the kubeconfig file that kubectl would write to, beside those
    that are there. Swarm: a context of docker. Mesos: variables to set. The key is made
    here, and only the request for its certificate is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Options and arguments."""
        parser = base.parser(super().get_parser(prog_name), base.BAY)
        parser.add_argument(
            '--context', metavar='<name>', help="Name of the context (default: the bay's)"
        )
        parser.add_argument(
            '--use',
            action='store_true',
            help='Make the context the current one; in a kubeconfig without a '
            'current one it becomes that anyway',
        )
        parser.add_argument(
            '--replace',
            action='store_true',
            help='Replace a context of the same name that is not of this bay',
        )
        proof = parser.add_mutually_exclusive_group()
        keys.add_subject(proof.add_argument, 'Subject of the certificate')
        proof.add_argument(
            '--token',
            action='store_true',
            help='Show the bay a token of Keystone in place of a certificate: kubectl has '
            '"openstack bay token issue" issue it. Bays of Kubernetes with the label '
            'keystone_auth_enabled=true take them',
        )
        place = parser.add_mutually_exclusive_group()
        place.add_argument(
            '--kubeconfig',
            metavar='<file>',
            type=pathlib.Path,
            help='File to write to (default: $KUBECONFIG, or ~/.kube/config)',
        )
        place.add_argument(
            '--dir',
            metavar='<directory>',
            type=pathlib.Path,
            help='Write plain files to this directory in place of a context',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Row, Row]:
        """Configure it, and say how it is used."""
        bay = self.service.bay(parsed_args.bay)
        if parsed_args.token:
            texts = {_KUBECONFIG: self._of_tokens(bay)}
            if parsed_args.dir:
                return record(_in_directory(parsed_args.dir, texts))
            return record(_for_kubectl(parsed_args, bay, texts[_KUBECONFIG], ''))
        pair = keys.new(parsed_args.subject)
        answer = self.service.ask('POST', one(BAYS, bay['uuid'], 'config'), {'csr': pair.request})
        found = answer.json()
        texts = dict(found['files'])
        if found['certificate']:
            texts[_KEY] = pair.key
        if parsed_args.dir:
            return record(_in_directory(parsed_args.dir, texts))
        if _KUBECONFIG in texts:
            return record(_for_kubectl(parsed_args, bay, texts[_KUBECONFIG], pair.key))
        variables = environment(texts.pop(_ENVIRONMENT))
        if 'DOCKER_HOST' in variables:
            return record(_for_docker(parsed_args, bay, variables['DOCKER_HOST'], texts))
        return record(variables)

    def _of_tokens(self, bay: Document) -> str:
        """:raises CommandError: the bay takes no tokens, or has no address yet."""
        name, address = bay['name'], bay['api_address']
        labels = self.service.get(one(BAYS, bay['uuid'], 'resolved_labels'))['resolved_labels']
        if labels.get(_LABEL, {}).get('value') != 'true':
            raise exceptions.CommandError(
                f'Bay {name} takes no tokens: its label {_LABEL} is not true.'
            )
        if not address:
            raise exceptions.CommandError(f'The API of bay {name} has no address yet.')
        if not address.startswith('https:'):
            raise exceptions.CommandError(f'Bay {name} has no TLS: who reaches it needs no token.')
        authority = self.service.get(one(CERTIFICATES, bay['uuid']))['pem']
        return kubeconfig.of_tokens(name, address, authority)


def environment(text: str) -> dict[str, str]:
    """The variables of a file of ``NAME=value`` lines, as shells read them."""
    pairs = (word.partition('=') for word in shlex.split(text, comments=True))
    return {name: value for name, equals, value in pairs if equals}


def _in_directory(place: pathlib.Path, texts: dict[str, str]) -> Document:
    for name, text in texts.items():
        files.write(place / pathlib.PurePath(name).name, text)
    document: dict[str, Any] = {'directory': str(place), 'files': sorted(texts)}
    if _KUBECONFIG in texts:
        document['use'] = f'kubectl --kubeconfig {shlex.quote(str(place / _KUBECONFIG))} get nodes'
    elif _ENVIRONMENT in texts:
        document['use'] = f'cd {shlex.quote(str(place))} && . ./{_ENVIRONMENT}'
    return document


def _for_kubectl(parsed_args: argparse.Namespace, bay: Document, text: str, key: str) -> Document:
    access = kubeconfig.access(bay['uuid'], parsed_args.context or bay['name'], text, key)
    candidates = (
        [parsed_args.kubeconfig]
        if parsed_args.kubeconfig
        else kubeconfig.paths(os.environ, pathlib.Path.home())
    )
    written = kubeconfig.merge(candidates, access, parsed_args.use, parsed_args.replace)
    chosen = '' if written.is_current else f' --context {shlex.quote(written.context)}'
    return {
        'kubeconfig': str(written.path),
        'context': written.context,
        'current': written.is_current,
        'use': f'kubectl{chosen} get nodes',
    }


def _for_docker(
    parsed_args: argparse.Namespace, bay: Document, host: str, pems: dict[str, str]
) -> Document:
    if parsed_args.kubeconfig:
        raise exceptions.CommandError('--kubeconfig is for bays of Kubernetes.')
    context = parsed_args.context or bay['name']
    place = docker_contexts.home(os.environ, pathlib.Path.home())
    docker_contexts.write(place, context, bay, host, pems, parsed_args.replace)
    if parsed_args.use:
        docker_contexts.use(place, context)
    chosen = '' if parsed_args.use else f' --context {shlex.quote(context)}'
    return {
        'directory': str(place),
        'context': context,
        'current': bool(parsed_args.use),
        'host': host,
        'use': f'docker{chosen} node ls',
    }
