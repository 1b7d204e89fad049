"""The entry point: chooses the ports before anything reads them."""

import sys

from tools.devcloud import ports

#: Commands that may be the first of a cloud.
_BEGINNING = frozenset({'up', 'preflight', 'backend'})


def main() -> int:
    """Run one command."""
    is_passing = 'preflight' in sys.argv[1:2] and not ports.is_chosen()
    if _BEGINNING.intersection(sys.argv[1:2]):
        try:
            ports.choose()
        except OSError as error:
            print(f'devcloud: {error}', file=sys.stderr)
            return 1
    # Only now: the settings have the ports in them.
    from tools.devcloud import cli

    try:
        return cli.main()
    finally:
        # Nothing keeps the ports until 'up', which chooses for itself.
        if is_passing:
            ports.forget()
