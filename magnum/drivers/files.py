"""Files of this package, by their paths below it (``common/node/run.sh``)."""

import importlib.resources
from importlib.resources.abc import Traversable


def read(name: str) -> str:
    """Read the text of a file."""
    return _at(name).read_text(encoding='ascii')


def names(folder: str) -> list[str]:
    """List the paths of the files in a folder and its subfolders, sorted."""
    found: list[str] = []
    for entry in _at(folder).iterdir():
        name = f'{folder}/{entry.name}'
        if entry.is_file():
            found.append(name)
        elif entry.name != '__pycache__':
            found += names(name)
    return sorted(found)


def _at(name: str) -> Traversable:
    return importlib.resources.files(__package__).joinpath(name)
