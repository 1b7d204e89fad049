"""Where everything of Horizon is."""

from typing import Final

from tools.common.place import CHECKOUT, directory
from tools.devcloud import place

LAUNCHER: Final = CHECKOUT / 'tools/horizon'
#: A folder with the package ``local``, which Horizon reads its settings from.
SITE: Final = CHECKOUT / 'tools/horizon_steps/site'

ROOT: Final = directory('MAGNUM_HORIZON_DIR', CHECKOUT / '.horizon')
#: The same for Horizons of all clouds.
VENV: Final = ROOT / 'venv'
STATIC: Final = ROOT / 'static'
#: Sessions, logs and the secret key of the Horizon beside one cloud.
STATE: Final = ROOT / place.NAME
LOCK: Final = ROOT / 'lock'

USER: Final = 'alice'  # a plain member of the project demo
ADMINISTRATOR: Final = 'admin'
