"""Contexts of the docker client, as it keeps them itself."""

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any, Final

from osc_lib import exceptions

from osc_magnum import files
from osc_magnum.errors import ForeignContext

_CONTEXT: Final = re.compile(r'[a-zA-Z0-9][a-zA-Z0-9_.+-]+')
_MARK: Final = 'magnum.openstack.org/bay'
_ENDPOINT: Final = 'docker'


def home(environment: Mapping[str, str], user: pathlib.Path) -> pathlib.Path:
    """Where the client keeps its configuration."""
    chosen = environment.get('DOCKER_CONFIG')
    return pathlib.Path(chosen) if chosen else user / '.docker'


def write(
    place: pathlib.Path,
    context: str,
    bay: Mapping[str, Any],
    host: str,
    pems: Mapping[str, str],
    replace: bool,
) -> None:
    """Make a context, or make that of the same bay anew.

    :param bay: its document.
    :param host: as ``tcp://192.0.2.1:2376``.
    :param pems: ``ca.pem``, ``cert.pem``, ``key.pem``; none without TLS.
    :param replace: let it take the place of one of the same name that is not this bay's.
    :raises CommandError: such a context is in the way, or docker would not take the name.
    """
    if not _CONTEXT.fullmatch(context) or context == 'default':
        raise exceptions.CommandError(
            f'docker takes no context of the name "{context}"; choose another with --context.'
        )
    digest = hashlib.sha256(context.encode()).hexdigest()
    meta = place / 'contexts/meta' / digest / 'meta.json'
    _check(meta, context, bay['uuid'], replace)
    tls = place / 'contexts/tls' / digest / _ENDPOINT
    for name, pem in pems.items():
        files.write(tls / name, pem)
    document = {
        'Name': context,
        'Metadata': {'Description': f'Magnum bay {bay["name"]}', _MARK: bay['uuid']},
        'Endpoints': {_ENDPOINT: {'Host': host, 'SkipTLSVerify': False}},
    }
    files.write(meta, json.dumps(document))


def use(place: pathlib.Path, context: str) -> None:
    """Make a context the current one, and leave all other settings as they are."""
    path = place / 'config.json'
    settings = _json(path) or {}
    files.write(path, json.dumps({**settings, 'currentContext': context}, indent='\t'))


def _check(meta: pathlib.Path, context: str, bay_uuid: str, replace: bool) -> None:
    there = _json(meta)
    if there is None or replace:
        return
    if (there.get('Metadata') or {}).get(_MARK) != bay_uuid:
        raise ForeignContext('docker', context)


def _json(path: pathlib.Path) -> dict[str, Any] | None:
    text = files.read(path)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise exceptions.CommandError(f'{path} is no JSON: {error}') from error
    if not isinstance(document, dict):
        raise exceptions.CommandError(f'{path} is no JSON object')
    return document
