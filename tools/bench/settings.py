"""Where the benchmark keeps things, and on which ports it works.

``MAGNUM_BENCH_DIR`` moves everything that is installed, configured and logged
(default: ``magnum-bench`` in the user's cache folder).
"""

import os
import pathlib
from typing import Final

from tools.common import network
from tools.common.place import directory
from tools.common.processes import Home

ROOT: Final = directory(
    'MAGNUM_BENCH_DIR',
    pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    / 'magnum-bench',
)
LOGS: Final = ROOT / 'logs'
PROCESSES: Final = Home(LOGS, ROOT / 'run', ROOT)

HOST: Final = network.IP
PEER_PORT: Final = 9611
CLOUD_PORT: Final = 9612
PEER23_PORT: Final = 9614
OUR_PORT: Final = 9621
FLOOR_PORT: Final = 9624
CLOUD_URL: Final = f'http://{HOST}:{CLOUD_PORT}'
OUR_URL: Final = f'http://{HOST}:{OUR_PORT}'

#: Whose requests are measured.
PROJECT: Final = 'bench'
TOKEN: Final = f'proj-{PROJECT}'
KEYPAIR: Final = 'bench-key'
FLAVOR: Final = 'm1.small'
