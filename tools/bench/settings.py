"""Where the benchmark keeps things, and on which ports it works.

``MAGNUM_BENCH_DIR`` moves everything that is installed, configured and logged
(default: ``magnum-bench`` in the user's cache folder).
"""

import os
import pathlib
from typing import Final

CHECKOUT: Final = pathlib.Path(__file__).resolve().parents[2]
ROOT: Final = pathlib.Path(
    os.environ.get('MAGNUM_BENCH_DIR')
    or pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    / 'magnum-bench'
)
LOGS: Final = ROOT / 'logs'

HOST: Final = '127.0.0.1'
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
