"""What the launcher runs."""

import pathlib
import sys

# Python puts this directory there, where our modules could hide others.
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])

from tools.common import command  # noqa: E402 (needs the path set above)
from tools.horizon_steps import cli  # noqa: E402 (needs the path set above)

sys.exit(command.run('horizon', cli.run))
