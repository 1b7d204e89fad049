"""The entry point: chooses the ports before anything reads them."""

import sys

from tools.common import command
from tools.devcloud import ports

#: Commands that may be the first of a cloud.
_BEGINNING = frozenset({'up', 'preflight', 'backend'})


def main() -> int:
    """Run one command; the exit code."""
    return command.run('devcloud', _run)


def _run() -> int:
    is_passing = 'preflight' in sys.argv[1:2] and not ports.is_chosen()
    if _BEGINNING.intersection(sys.argv[1:2]):
        ports.choose()
    # Only now: the settings have the ports in them.
    from tools.devcloud import cli

    try:
        return cli.run()
    finally:
        # Nothing keeps the ports until 'up', which chooses for itself.
        if is_passing:
            ports.forget()
