"""Heat templates and the files they refer to, read from this package.

Names in ``get_file`` and in resource types are paths below this package
(``common/templates/node.yaml``); Heat takes them as they stand.
"""

import dataclasses
import functools
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from magnum.drivers import composition, files, node_files

# Held while a template is composed, which takes some 0.2 s of CPU: all that ask
# at the same time wait for one.
_COMPOSING = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Template:
    """A template's text, and by name the text of every file it needs.

    :ivar archives: those that nodes fetch, by their digests.
    """

    text: str
    files: Mapping[str, str]
    archives: Mapping[str, bytes]

    @functools.cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the template's parameters."""
        return frozenset(yaml.safe_load(self.text)['parameters'])


def read(name: str) -> str:
    """Read a template's text: as it is written, or as JSON if it is composed."""
    if composition.is_composed(composition.parse(name)):
        # The template's version, which YAML takes for a date, becomes text.
        return json.dumps(composition.compose(name), default=str)
    return files.read(name)


def references(text: str) -> Iterator[str]:
    """Names of the files and nested templates that a template refers to."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                nested = key == 'type' and str(value).endswith('.yaml')
                if nested or key == 'get_file':
                    yield value
                else:
                    yield from walk(value)

    yield from walk(yaml.safe_load(text))


def load(name: str) -> Template:
    """A template with everything below it; composed once, whoever asks at the same time."""
    with _COMPOSING:
        return _compose(name)


@functools.cache
def _compose(name: str) -> Template:
    template = read(name)
    found: dict[str, str] = {}
    archives: dict[str, bytes] = {}
    pending = list(references(template))
    while pending:
        reference = pending.pop()
        if reference in found:
            continue
        of_nodes = node_files.role_of(reference)
        if of_nodes is not None:
            archive = node_files.pack(composition.files_of_nodes(*of_nodes))
            archives[archive.digest] = archive.content
            found[reference] = f'{archive.digest}\n'
        elif reference.endswith('.yaml'):
            found[reference] = text = read(reference)
            pending.extend(references(text))
        else:
            found[reference] = files.read(reference)
    return Template(template, found, archives)
