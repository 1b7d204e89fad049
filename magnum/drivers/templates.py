"""Heat templates and the files they refer to, read from this package.

Names in ``get_file`` and in resource types are paths below this package
(``common/templates/node.yaml``); Heat takes them as they stand.
"""

import dataclasses
import functools
import importlib.resources
from collections.abc import Iterator, Mapping
from typing import Any

import yaml


@dataclasses.dataclass(frozen=True)
class Template:
    """A template's text, and by name the text of every file it needs."""

    text: str
    files: Mapping[str, str]


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


@functools.cache
def load(name: str) -> Template:
    """A template with everything below it."""
    files: dict[str, str] = {}
    pending = list(references(read(name)))
    while pending:
        reference = pending.pop()
        if reference in files:
            continue
        files[reference] = read(reference)
        if '/templates/' in reference:
            pending.extend(references(files[reference]))
    return Template(read(name), files)
