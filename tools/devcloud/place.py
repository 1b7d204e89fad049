"""Directories of the development cloud.

Several clouds may share one checkout, each with a name and a state of its own;
their environments are the same. Standard library only, no side effects.
"""

import os
from typing import Final

from tools.common.place import CHECKOUT, directory

ROOT: Final = directory('MAGNUM_DEVCLOUD_DIR', CHECKOUT / '.devcloud')

DEFAULT_NAME: Final = 'state'
NAME: Final = os.environ.get('MAGNUM_DEVCLOUD_NAME') or DEFAULT_NAME
STATE: Final = ROOT / NAME
