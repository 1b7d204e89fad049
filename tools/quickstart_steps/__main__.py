"""What the launcher runs."""

import sys

from tools.quickstart_steps import launch

sys.exit(launch.main())
