"""What the launcher runs."""

import sys

from tools.common import command
from tools.horizon_steps import cli

sys.exit(command.run('horizon', cli.run))
