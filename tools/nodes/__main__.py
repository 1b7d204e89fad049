"""``python -m tools.nodes``, or ``python tools/nodes`` from anywhere."""

import pathlib
import sys

# For the second way, where our modules could hide others.
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])

from tools.common import command  # noqa: E402 (needs the path set above)
from tools.nodes import cli  # noqa: E402

sys.exit(command.run('nodes', cli.run))
