"""How nodes are told to behave badly.

A JSON file, read anew for each node: an object of regular expressions of node
names (searched for; the first that is found counts) and what such a node does::

    {"worker-1": "fail: step 40-docker: no space left on device",
     "master": "silent",
     "slow-bay": "slow: 20",
     "worker-0": "deaf"}

``fail``
    registers, reports that it failed and tells Heat FAILURE, with this reason, of
    which ``step <name>: `` is the step;
``silent``
    does nothing, ever;
``slow``
    waits so many seconds, then boots well;
``deaf``
    boots well, reports, and does not ask which authorities its bay trusts. (A silent
    one does neither, even if it booted before it was told to be silent.)
"""

import dataclasses
import json
import logging
import pathlib
import re

LOG = logging.getLogger(__name__)

BOOT, DEAF, FAIL, SILENT, SLOW = 'boot', 'deaf', 'fail', 'silent', 'slow'
_KINDS = frozenset({BOOT, DEAF, FAIL, SILENT, SLOW})


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What one node is to do.

    :ivar reason: of FAIL.
    :ivar seconds: of SLOW.
    """

    kind: str = BOOT
    reason: str = ''
    seconds: float = 0.0


def of_node(file: pathlib.Path, name: str) -> Behaviour:
    """What the file says of a node; to boot, when it says nothing.

    A file that cannot be understood is logged and counts as saying nothing.
    """
    try:
        rules: dict[str, str] = json.loads(file.read_text())
        for pattern, text in rules.items():
            if re.search(pattern, name):
                return _parse(text)
    except FileNotFoundError:
        return Behaviour()
    except (ValueError, AttributeError, TypeError, re.error) as error:
        LOG.error('%s cannot be understood: %s', file, error)
    return Behaviour()


def _parse(text: str) -> Behaviour:
    kind, _, detail = (part.strip() for part in text.partition(':'))
    if kind not in _KINDS:
        raise ValueError(f'"{text}" is none of {", ".join(sorted(_KINDS))}')
    return Behaviour(
        kind,
        reason=detail if kind == FAIL else '',
        seconds=float(detail) if kind == SLOW else 0.0,
    )
