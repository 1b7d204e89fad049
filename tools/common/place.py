"""The checkout, and directories that environment variables move."""

import os
import pathlib
from typing import Final

CHECKOUT: Final = pathlib.Path(__file__).resolve().parents[2]


def directory(variable: str, default: pathlib.Path) -> pathlib.Path:
    """The directory that an environment variable names, or the default one."""
    return pathlib.Path(os.environ.get(variable) or default).absolute()
