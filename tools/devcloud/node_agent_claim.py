"""Nodes that are no business of the node agent, as real machines boot them.

``tools/nodes`` writes ``<state of the cloud>/nodes/claim.json``, an object of
regular expressions, which the agent reads anew for each node. It plays none whose
settings match all of them::

    {"MAGNUM_COE": "swarm", "MAGNUM_NODE_NAME": "first-"}

Matching begins at the first character. No file, or one that cannot be understood,
claims nothing.
"""

import json
import logging
import pathlib
import re
from collections.abc import Mapping

LOG = logging.getLogger('node-agent')

#: Below the state of the cloud.
FILE = pathlib.PurePath('nodes/claim.json')

Claim = Mapping[str, str]


def read(file: pathlib.Path) -> Claim | None:
    """What real machines claim; None when they claim nothing."""
    try:
        claim = json.loads(file.read_text())
        return {str(name): str(re.compile(value).pattern) for name, value in claim.items()}
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, TypeError, re.error) as error:
        LOG.error('%s cannot be understood: %s', file, error)
        return None


def covers(claim: Claim | None, node_settings: Mapping[str, str]) -> bool:
    """Whether a node with these settings is claimed."""
    return claim is not None and all(
        re.match(pattern, node_settings.get(name, '')) for name, pattern in claim.items()
    )
