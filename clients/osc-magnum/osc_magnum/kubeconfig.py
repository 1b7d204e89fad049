"""Kubeconfig files: one bay's access laid into what is there already."""

import base64
import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any, Final

import yaml
from osc_lib import exceptions

from osc_magnum import files
from osc_magnum.errors import ForeignContext

Config = dict[str, Any]

_EMPTY: Final[Config] = {
    'apiVersion': 'v1',
    'kind': 'Config',
    'preferences': {},
    'clusters': [],
    'users': [],
    'contexts': [],
    'current-context': '',
}
#: Of the version of the interface that all releases of kubectl since 1.11 know.
EXEC_VERSION: Final = 'client.authentication.k8s.io/v1beta1'
_ISSUES_TOKENS: Final = {
    'apiVersion': EXEC_VERSION, 'command': 'openstack', 'args': ['bay', 'token', 'issue'],
    'interactiveMode': 'Never', 'provideClusterInfo': False,
    'installHint': 'The command openstack with the plugin osc-magnum issues tokens.',
}
_LISTS: Final = {'clusters': 'cluster', 'users': 'user', 'contexts': 'context'}


@dataclasses.dataclass(frozen=True)
class Access:
    """How a user reaches a bay.

    :ivar entry: under which cluster and user are kept; of the bay, and of no other.
    :ivar context: what the user calls it.
    :ivar cluster: server and authority.
    :ivar user: certificate and key.
    """

    entry: str
    context: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Written:
    """What became of a kubeconfig file."""

    path: pathlib.Path
    context: str
    is_current: bool


def access(bay_uuid: str, context: str, text: str, key: str) -> Access:
    """The access that a kubeconfig of the service gives, with the key put into it.

    :param text: of the service's file, which expects the key beside it.
    """
    document = yaml.safe_load(text)
    user = dict(document['users'][0]['user'])
    if user.pop('client-key', None):
        user['client-key-data'] = base64.b64encode(key.encode()).decode()
    return Access(f'bay-{bay_uuid}', context, document['clusters'][0]['cluster'], user)


def of_tokens(name: str, address: str, authority: str) -> str:
    """A kubeconfig whose user shows tokens of Keystone, in the form of the service's files.

    :param authority: PEM of what the bay is trusted by.
    """
    data = base64.b64encode(authority.encode()).decode()
    cluster = {'server': address, 'certificate-authority-data': data}
    return yaml.safe_dump({
        **_EMPTY,
        'clusters': [{'name': name, 'cluster': cluster}],
        'users': [{'name': name, 'user': {'exec': _ISSUES_TOKENS}}],
        'contexts': [{'name': name, 'context': {'cluster': name, 'user': name}}],
        'current-context': name,
    }, sort_keys=False)


def paths(environment: Mapping[str, str], home: pathlib.Path) -> list[pathlib.Path]:
    """The files that kubectl reads, the most important first."""
    listed = [part for part in environment.get('KUBECONFIG', '').split(os.pathsep) if part]
    return [pathlib.Path(part) for part in listed] or [home / '.kube' / 'config']


def merge(candidates: list[pathlib.Path], new: Access, use: bool, replace: bool) -> Written:
    """Lay an access into a file, as kubectl would choose it, and leave all else as it is.

    :param use: make its context the current one, which it becomes anyway if there is none.
    :param replace: let it take the place of a context of the same name that is no bay's of ours.
    :raises CommandError: a file cannot be understood, or such a context is in the way.
    """
    path = _chosen(candidates, new)
    with files.locked(path):
        config = _parse(path, files.read(path))
        _check(config, new, path, replace)
        for kind, name, value in (
            ('clusters', new.entry, new.cluster),
            ('users', new.entry, new.user),
            ('contexts', new.context, {'cluster': new.entry, 'user': new.entry}),
        ):
            _put(config[kind], name, _LISTS[kind], value)
        if use or not config.get('current-context'):
            config['current-context'] = new.context
        files.write(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return Written(path, new.context, config['current-context'] == new.context)


def _chosen(candidates: list[pathlib.Path], new: Access) -> pathlib.Path:
    """The file that has the bay already, else the first that is there, else the last."""
    there = [path for path in candidates if path.exists()]
    for path in there:
        if _found(_parse(path, files.read(path))['clusters'], new.entry):
            return path
    return there[0] if there else candidates[-1]


def _parse(path: pathlib.Path, text: str | None) -> Config:
    try:
        config = yaml.safe_load(text or '')
    except yaml.YAMLError as error:
        raise exceptions.CommandError(f'{path} is no YAML: {error}') from error
    if config is None:
        config = {}
    if not isinstance(config, dict):
        raise exceptions.CommandError(f'{path} is no kubeconfig')
    merged: Config = {**_EMPTY, **config}
    for kind in _LISTS:
        items = merged[kind] or []
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and 'name' in item for item in items
        ):
            raise exceptions.CommandError(f'{path} is no kubeconfig: {kind} is no list of names')
        merged[kind] = list(items)
    return merged


def _check(config: Config, new: Access, path: pathlib.Path, replace: bool) -> None:
    there = _found(config['contexts'], new.context)
    if there is None or replace:
        return
    if (there.get('context') or {}).get('cluster') != new.entry:
        raise ForeignContext(path, new.context)


def _found(items: list[Config], name: str) -> Config | None:
    return next((item for item in items if item['name'] == name), None)


def _put(items: list[Config], name: str, member: str, value: Mapping[str, Any]) -> None:
    there = _found(items, name)
    if there is None:
        items.append({'name': name, member: dict(value)})
    elif member == 'context':
        # A namespace that the user chose stays.
        there[member] = {**(there.get(member) or {}), **value}
    else:
        there[member] = dict(value)
