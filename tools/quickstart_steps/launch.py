"""The entry point: chooses the ports before anything reads them."""

import sys

from tools.common import command
from tools.devcloud import ports

#: Commands that never begin a cloud.
_LATER = frozenset({'down', 'status', 'reset', '--help', '-h'})


def main() -> int:
    """Run one command; the exit code."""
    return command.run('quickstart', _run, '; a second run goes on from here')


def _run() -> int:
    if not _LATER.intersection(sys.argv[1:2]):
        ports.choose()
    # Only now: the settings have the ports in them.
    from tools.quickstart_steps import cli

    return cli.run()
