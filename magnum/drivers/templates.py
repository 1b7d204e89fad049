"""Heat templates and the files they refer to, read from this package.

Names in ``get_file`` and in resource types are paths below this package
(``common/templates/node.yaml``); Heat takes them as they stand. Files for
nodes are packed as cloud-init's ``gz+b64``, without lines that are comments:
Nova limits user data to 64 KB.
"""

import base64
import dataclasses
import functools
import gzip
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

# A line that is a comment, but neither "#!" nor what run.sh reads.
_COMMENT: Final = re.compile(r'^[ \t]*#(?!!| attempts:).*\n', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Template:
    """A template's text, and by name the text of every file it needs."""

    text: str
    files: Mapping[str, str]

    @functools.cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the template's parameters."""
        return frozenset(yaml.safe_load(self.text)['parameters'])


def read(name: str) -> str:
    """The text of a file of this package."""
    root = importlib.resources.files(__package__)
    return root.joinpath(name).read_text(encoding='ascii')


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


def pack(text: str) -> str:
    """A file's text as cloud-init's ``gz+b64``; equal texts give equal packs."""
    bare = _COMMENT.sub('', text)
    return base64.b64encode(gzip.compress(bare.encode('ascii'), mtime=0)).decode('ascii')


@functools.cache
def load(name: str) -> Template:
    """A template with everything below it."""
    files: dict[str, str] = {}
    pending = list(references(read(name)))
    while pending:
        reference = pending.pop()
        if reference in files:
            continue
        text = read(reference)
        if '/templates/' in reference:
            files[reference] = text
            pending.extend(references(text))
        else:
            files[reference] = pack(text)
    return Template(read(name), files)
