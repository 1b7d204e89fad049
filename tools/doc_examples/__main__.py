"""``python -m tools.doc_examples``."""

import sys

from tools.common import command
from tools.doc_examples import cli

sys.exit(command.run('doc-examples', cli.run))
