"""Files of this package, by their paths below it (``common/node/run.sh``)."""

import importlib.resources
from importlib.resources.abc import Traversable


def read(name: str) -> str:
    """Read the text of a file."""
    return _at(name).read_text(encoding='ascii')


def names(folder: str) -> list[str]:
    """List the paths of the files in a folder, sorted, without subfolders."""
    return sorted(f'{folder}/{file.name}' for file in _at(folder).iterdir() if file.is_file())


def _at(name: str) -> Traversable:
    return importlib.resources.files(__package__).joinpath(name)
