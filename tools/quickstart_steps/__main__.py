"""What the launcher runs."""

import pathlib
import sys

# Python puts this directory there, where our modules could hide others.
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])

from tools.devcloud import ports  # noqa: E402 (needs the path set above)

if sys.argv[1:2] not in (['down'], ['status'], ['reset'], ['--help'], ['-h']):
    try:
        ports.choose()
    except OSError as error:
        sys.exit(f'quickstart: {error}')

# Only now: the settings that it imports have the ports in them.
from tools.quickstart_steps import cli  # noqa: E402

sys.exit(cli.main())
