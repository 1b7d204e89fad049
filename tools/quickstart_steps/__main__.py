"""What the launcher runs."""

import pathlib
import sys

# Python puts this directory there, where our modules could hide others.
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])

from tools.quickstart_steps import launch  # noqa: E402 (needs the path set above)

sys.exit(launch.main())
