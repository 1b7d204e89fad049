# roles: master worker
"""What a living node asks for: which authorities to trust, and its certificates anew."""

from __future__ import annotations

from collections.abc import Iterable

from . import certificates
from .channel import Channel
from .node import Node, ProgramFailed

#: Attempts and seconds between them: the timer comes again. A master waits for its turn,
#: which comes when those before it have followed.
BRIEFLY, UNTIL_ITS_TURN = (4, 5.0), (360, 5.0)


def patience(node: Node) -> tuple[int, float]:
    """How long the node asks what to trust."""
    return UNTIL_ITS_TURN if node.role == 'master' else BRIEFLY


def authorities(node: Node, channel: Channel) -> str:
    """What the bay trusts, the one that issues first; empty if the node trusts that.

    :raises Away: the service is unavailable, or it is not the node's turn.
    :raises Refused: the service refused.
    :raises ProgramFailed: its answer is not valid.
    """
    answer = channel.signed(
        'authorities', 'magnum/authorities', {'trusts': certificates.trusts(node)}
    )
    found = answer.get('authorities', '')
    if found is None:
        return ''
    if not isinstance(found, str) or not found:
        raise ProgramFailed('the answer has no authorities')
    return found


def reissued(node: Node, channel: Channel, purposes: Iterable[str]) -> dict[str, str]:
    """Certificates for the keys that there are, by purpose.

    :raises Away: the service is unavailable.
    :raises Refused: the service refused.
    :raises ProgramFailed: its answer is not valid.
    """
    requests = {purpose: certificates.request(node, purpose) for purpose in purposes}
    given = channel.signed(
        'certificates', 'magnum/certificates', {'requests': requests}, 120
    ).get('certificates')
    if not isinstance(given, dict) or given.keys() != requests.keys() or not all(
        isinstance(pem, str) for pem in given.values()
    ):
        raise ProgramFailed('the answer has other certificates than were asked for')
    return given
