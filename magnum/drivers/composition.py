"""Composition of templates from parts.

A template may have two keys beside those of HOT:

``parts``
    what it is composed of: names of parts in ``common/templates/parts.yaml``,
    and paths of documents below this package. Mappings are merged, key by
    key, all the way down; any other value of a later part replaces an earlier
    one, and the template itself comes last.
``variables``
    what replaces ``<name>`` in all of its parts: text anywhere in a key or a
    value, or any value where nothing else stands beside the name. Those of a
    later part, and last the template's own, replace earlier ones.

Variables made here are ``<folder>``, the driver's, and ``<master_files>`` and
``<worker_files>``, for cloud-init's ``write_files``. The variable
``excluded_files`` names files of ``common/node`` that are in neither.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from magnum.drivers import files, node_files
from magnum.drivers.contract import MASTER, WORKER

PARTS: Final = 'common/templates/parts.yaml'
VARIABLE: Final = re.compile(r'<([a-z][a-z0-9_]*)>')
_OWN_KEYS: Final = frozenset(('parts', 'variables'))

Document = Mapping[str, Any]


def is_composed(document: Document) -> bool:
    """Return whether a document is composed: not plain HOT."""
    return not _OWN_KEYS.isdisjoint(document)


@functools.cache
def parse(name: str) -> Document:
    """Parse a document as it is written."""
    document: Document = yaml.safe_load(files.read(name))
    return document


def compose(name: str) -> Document:
    """Compose a template: return it as plain HOT.

    :raises KeyError: a part or a variable that does not exist.
    """
    documents = [*_parts(parse(name)), parse(name)]
    folder = name.partition('/')[0]
    variables = variables_of(documents)
    for role in (MASTER, WORKER):
        variables[f'{role}_files'] = list(node_files.entries(folder, role))
    return merge(documents, {**variables, 'folder': folder})


def files_of_nodes(folder: str, role: str) -> list[node_files.Member]:
    """List the files that a driver's nodes of a role get.

    :param folder: of the driver.
    """
    bay = parse(f'{folder}/templates/bay.yaml')
    excluded = variables_of([*_parts(bay), bay]).get('excluded_files', ())
    return node_files.for_role(folder, role, excluded)


def variables_of(documents: Iterable[Document]) -> dict[str, Any]:
    """Collect the variables of all documents; later ones replace earlier ones."""
    variables: dict[str, Any] = {}
    for document in documents:
        variables |= document.get('variables', {})
    return variables


def merge(documents: Iterable[Document], variables: Mapping[str, Any]) -> Document:
    """Merge documents, with variables replaced by their values."""
    merged: Document = {}
    for document in documents:
        hot = {key: value for key, value in document.items() if key not in _OWN_KEYS}
        merged = _merged(merged, _substituted(hot, variables))
    return merged


def _parts(document: Document) -> Iterator[Document]:
    """Yield a document's parts, each after its own parts."""
    for name in document.get('parts', ()):
        part = parse(name) if '/' in name else parse(PARTS)[name]
        yield from _parts(part)
        yield part


def _merged(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {
        **one,
        **{key: _merged(one.get(key), value) for key, value in other.items()},
    }


def _substituted(node: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {
            _substituted(key, variables): _substituted(value, variables)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_substituted(item, variables) for item in node]
    if not isinstance(node, str):
        return node
    whole = VARIABLE.fullmatch(node)
    if whole:
        return _substituted(variables[whole[1]], variables)
    return VARIABLE.sub(lambda found: variables[found[1]], node)
