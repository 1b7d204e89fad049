"""Where everything of the machines is, and how it is named."""

import hashlib
import os
import pathlib
from typing import Final

from tools.common.environments import TOOLS
from tools.common.place import directory
from tools.devcloud import settings
from tools.node_image import recipe

#: Guest roots; made once, kept for all checkouts and clouds.
ROOTS: Final = directory('MAGNUM_NODES_ROOTS', TOOLS / 'guests')
STATE: Final = settings.STATE / 'nodes'
MACHINES: Final = STATE / 'machines'
VOLUMES: Final = STATE / 'volumes'
#: By archive of tools/image, for guests. Debian's has the source of Kubernetes, too.
MIRRORS: Final = {
    name: os.environ.get(variable) or str(recipe.recipe()['archives'][name]['mirror'])
    for name, variable in (
        ('debian', 'MAGNUM_NODES_MIRROR'), ('ubuntu', 'MAGNUM_NODES_UBUNTU_MIRROR'),
    )
}
SOURCE: Final = pathlib.Path(__file__).resolve().parent
#: The process that follows the cloud; noted where the cloud's own processes are.
WATCH: Final = settings.MACHINES_WATCH

#: Namespaces, cgroups and interfaces of one cloud, so that clouds run side by side.
PREFIX: Final = 'mn' + hashlib.sha256(str(STATE).encode()).hexdigest()[:4]


def machine(server_id: str) -> pathlib.Path:
    """The folder of a server's machine."""
    return MACHINES / server_id


def namespace(kind: str, owner: str = '') -> str:
    """The name of a network namespace, of a cgroup or of an interface.

    :param kind: one letter.
    :param owner: an id, of which the first eight characters count: the name of
        an interface has at most fifteen.
    """
    return f'{PREFIX}{kind}{owner[:8]}'
