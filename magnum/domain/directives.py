"""What nodes may be asked to do: a closed list of verbs, never a script."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

#: Move what runs on nodes elsewhere, and let nothing begin there. Of a master.
DRAIN: Final = 'drain'
#: Let what was drained, and stays, have something to run again. Of a master.
ADMIT: Final = 'admit'
#: Take nodes that are gone out of the cluster. Of a master.
REMOVE: Final = 'remove'
#: Take masters out of the cluster for good, while they are there. Of another master.
RETIRE: Final = 'retire'
#: Keep what the cluster knows, before the server goes. Of the only master, about itself.
SNAPSHOT: Final = 'snapshot'
#: Say whether other settings can be taken over, and change nothing. Of a master itself.
CHECK: Final = 'check'
#: Take other settings over, above all another release, with what runs. Of a master itself.
UPGRADE: Final = 'upgrade'
#: Write anew, by the key of now, what is encrypted in etcd. Of a master, for all.
REENCRYPT: Final = 'reencrypt'

#: One directive is about no more nodes; agents refuse it.
MOST_NODES: Final = 1000


def parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names of nodes, as many at once as one directive may be about."""
    for first in range(0, len(names), MOST_NODES):
        yield names[first:first + MOST_NODES]


def nodes_of(given: Mapping[str, Any]) -> frozenset[str]:
    """Names of the nodes that a directive of these parameters is about, if it names some."""
    return frozenset(given.get('nodes', ()))


def is_about(given: Mapping[str, Any], nodes: Sequence[str]) -> bool:
    """Whether a directive of these parameters is about these nodes."""
    return bool(given.get('nodes') == list(nodes))
