"""Size of the user data of nodes, before anything is built.

Nova refuses more than 65,535 bytes of base64. What a bay adds to the program that fetches
the node's files are its settings and the operator's certificate authorities.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from magnum.drivers import node_files
from magnum.drivers.contract import WORKER, PlanRefused

LIMIT: Final = 65_535
#: Bytes of what is around these, addresses and names included: more than a node has.
_REST: Final = 5_100
#: Parameters of node groups that workers are told beside their settings.
_OF_GROUPS: Final = ('node_labels', 'node_taints')


def check(files: Mapping[str, str], parameters: Mapping[str, Any], role: str) -> None:
    """Check that Nova will take the user data of a bay's nodes.

    :param files: of the template; ``parameters``: of the stack.
    :raises PlanRefused: it would not.
    """
    written = [files[f'common/node/{name}'] for name in node_files.OF_USER_DATA]
    written += (parameters[f'{role}_settings'], parameters['openstack_ca'])
    if role == WORKER:
        written += (parameters.get(name, '') for name in _OF_GROUPS)
    size = sum(len(json.dumps(text)) for text in written) + _REST
    encoded = (size + 2) // 3 * 4
    if encoded > LIMIT:
        raise PlanRefused(
            'labels',
            f'The user data of a {role} would be about {encoded} bytes, and Nova takes {LIMIT}: '
            'give less in labels (add-ons, options, digests), in no_proxy, or in labels and '
            'taints of nodes.',
        )
