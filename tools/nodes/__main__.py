"""The entry point of ``python -m tools.nodes``."""

import sys

from tools.common import command
from tools.nodes import cli

sys.exit(command.run('nodes', cli.run))
