"""Lets ``python3 -m tools.devcloud`` do what the launcher does."""

import sys

from tools.devcloud import launch

sys.exit(launch.main())
