"""Directories of the development cloud.

Several clouds may share one checkout, each with a name and a state of its own;
their environments are the same. Standard library only, no side effects.
"""

import os
import pathlib
from typing import Final

CHECKOUT: Final = pathlib.Path(__file__).resolve().parents[2]
ROOT: Final = pathlib.Path(
    os.environ.get('MAGNUM_DEVCLOUD_DIR') or CHECKOUT / '.devcloud'
).absolute()

DEFAULT_NAME: Final = 'state'
NAME: Final = os.environ.get('MAGNUM_DEVCLOUD_NAME') or DEFAULT_NAME
STATE: Final = ROOT / NAME
