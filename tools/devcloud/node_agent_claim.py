"""Nodes that are no business of the node agent, as real machines boot them.

``tools/nodes`` writes ``<state of the cloud>/nodes/claim.json``, a list of objects of
regular expressions, which the agent reads anew for each node. It plays none whose
settings match all of one object::

    [{"MAGNUM_COE": "swarm", "MAGNUM_NODE_NAME": "first-"}]

Matching begins at the first character. No file, or one that cannot be understood,
claims nothing.
"""

import json
import logging
import pathlib
import re
from collections.abc import Mapping, Sequence

LOG = logging.getLogger('node-agent')

#: Below the state of the cloud.
FILE = pathlib.PurePath('nodes/claim.json')

Claims = Sequence[Mapping[str, str]]


def read(file: pathlib.Path) -> Claims:
    """What real machines claim."""
    try:
        return [
            {str(name): str(re.compile(value).pattern) for name, value in claim.items()}
            for claim in json.loads(file.read_text())
        ]
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError, TypeError, re.error) as error:
        LOG.error('%s cannot be understood: %s', file, error)
        return []


def covers(claims: Claims, node_settings: Mapping[str, str]) -> bool:
    """Whether a node with these settings is claimed."""
    return any(
        all(re.match(pattern, node_settings.get(name, '')) for name, pattern in claim.items())
        for claim in claims
    )
