"""What a node does later on: follow its bay to other authorities.

As ``magnum/drivers/common/node/trust.sh`` does it, without services. Certificates
are not renewed: nodes here do not live so long.
"""

import math
import random

from cryptography import x509

from magnum.drivers.common.node.agent import following
from magnum.drivers.common.node.agent.channel import Away, Channel, Gone, Refused
from magnum.drivers.common.node.agent.node import ProgramFailed
from tools.devcloud.node_agent_boot import Node, StepFailed, authorities, is_issued_by

# The timer comes again.
_ATTEMPTS = 2


def seconds_to_next(node: Node) -> float:
    """Until the node's timer elapses; infinite for one that has none."""
    seconds = float(node.settings.get('MAGNUM_TRUST_SECONDS') or 0)
    if not node.purposes() or seconds <= 0:
        return math.inf
    return seconds * random.uniform(1, 1.25)


def take_round(node: Node) -> bool:
    """Ask what the bay trusts, trust it, and say so.

    :returns: whether that was something new.
    :raises StepFailed: the node trusts and has what it had.
    :raises Gone: the bay is gone.
    """
    channel = Channel(node.files)
    try:
        bundle = _ask(node, channel)
        if not bundle:
            return False
        issuing = authorities(bundle)[0]
        wanted = [purpose for purpose in node.purposes() if not _is_of(node, purpose, issuing)]
        issued = _reissued(node, channel, wanted) if wanted else {}
        for purpose, pem in issued.items():
            node.check(purpose, pem.encode(), bundle)
    except Gone:
        raise
    except (Away, Refused, ProgramFailed, ValueError) as error:
        raise StepFailed(f'trust: {error}') from error
    for purpose, pem in issued.items():
        node.files.write(node.files.certificate(purpose), pem)
    node.trust(bundle)
    try:
        _ask(node, channel)
    except Gone:
        raise
    except (Away, Refused, ProgramFailed) as error:
        raise StepFailed(f'trust: taken over, not yet confirmed: {error}') from error
    return True


def _is_of(node: Node, purpose: str, authority: x509.Certificate) -> bool:
    pem = node.files.certificate(purpose).read_bytes()
    return is_issued_by(x509.load_pem_x509_certificate(pem), authority)


def _ask(node: Node, channel: Channel) -> bytes:
    """What the bay trusts; empty when the node trusts that."""
    return node.patiently(lambda: following.authorities(node.files, channel), _ATTEMPTS).encode()


def _reissued(node: Node, channel: Channel, purposes: list[str]) -> dict[str, str]:
    return node.patiently(lambda: following.reissued(node.files, channel, purposes), _ATTEMPTS)
