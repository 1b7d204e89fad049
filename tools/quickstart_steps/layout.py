"""Where everything of the quickstart is."""

import os
import pathlib

from tools.common.place import CHECKOUT, directory
from tools.common.processes import Home
from tools.devcloud import settings

LAUNCHER = CHECKOUT / 'tools/quickstart'
SYSTEM_PACKAGES = CHECKOUT / 'tools/system-packages'
DEVCLOUD = CHECKOUT / 'tools/devcloud/devcloud'
NODE_AGENT = CHECKOUT / 'tools/devcloud/node_agent.py'

ROOT = directory('MAGNUM_QUICKSTART_DIR', CHECKOUT / '.quickstart')
VENV = ROOT / 'venv'
LOG = ROOT / 'log'
CONFIGURATION = ROOT / 'magnum.conf'
#: Magnum's processes are noted where the cloud's are, so that one look finds all.
PROCESSES = Home(LOG, settings.RUN, settings.STATE, settings.PROCESSES.advice)
STATE = ROOT / 'state'
PROGRAMS = ROOT / 'bin'
OPENRC = ROOT / 'openrc'
#: Files of Docker's client and of kubectl for the bays on real machines.
DOCKER = ROOT / 'docker'
KUBECTL = ROOT / 'kubectl'
LOCK = ROOT / 'lock'
#: Is there while the development cloud runs because we started it.
CLOUD_IS_OURS = ROOT / 'cloud-is-ours'

USER = 'alice'  # a plain member of the project demo
CLIENT_NAMES = ('magnumclient-3.7.0', 'magnumclient-5.0.0')
CLIENT = settings.CLIENTS / 'magnumclient-3.7.0/bin/magnum'
OPENSTACK_CLIENT = settings.CLIENTS / 'magnumclient-5.0.0/bin/openstack'


def shown(path: pathlib.Path) -> str:
    """A path as the reader, in his working directory, would write it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith('../..') else relative
