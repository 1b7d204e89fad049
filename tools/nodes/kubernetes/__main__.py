"""Build the programs of Kubernetes that nodes of tests run.

They are made of Debian bookworm's own source package, with the Go of bookworm,
and kept in the user's cache: about ten minutes of two cores, once. There are two
releases of them, for upgrades; both are of the same source.
"""

import argparse
import sys

from tools.common import command
from tools.nodes import layout
from tools.nodes.kubernetes import build, recipe


def _run() -> int:
    parser = argparse.ArgumentParser(
        prog='python -m tools.nodes.kubernetes', description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        'command', choices=('build', 'check'),
        help='build: make what is not there yet, and print where it is;\n'
        'check: print what this machine lacks for that; exit code 1 if anything',
    )
    parser.add_argument('--mirror', default=layout.MIRRORS['debian'], help='(default: %(default)s)')
    given = parser.parse_args()
    if given.command == 'check':
        lacking = [] if recipe.place().exists() else list(build.missing())
        for line in lacking:
            print(f'kubernetes: missing {line}', file=sys.stderr)
        return 1 if lacking else 0
    print(build.programs(given.mirror))
    return 0


if __name__ == '__main__':
    sys.exit(command.run('kubernetes', _run))
