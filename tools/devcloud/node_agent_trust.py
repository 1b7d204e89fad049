"""What a node does later on: follow its bay to other authorities.

As ``magnum/drivers/common/node/trust.sh`` does it, without services. Certificates
are not renewed: nodes here do not live so long.
"""

import hashlib
import math
import random

import requests
from cryptography import x509

from tools.devcloud.node_agent_boot import Node, StepFailed, authorities, is_issued_by, told

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
    """
    try:
        bundle = _ask(node)
        if bundle is None:
            return False
        issuing = authorities(bundle)[0]
        issued = {}
        for purpose in node.purposes():
            if not _is_of(node, purpose, issuing):
                answer = node.post_request(f'reissue/{purpose}', purpose, {}, _ATTEMPTS)
                node.check(purpose, answer.content, bundle)
                issued[purpose] = answer.content
    except (requests.RequestException, ValueError) as error:
        raise StepFailed(f'trust: {told(error)}') from error
    for purpose, pem in issued.items():
        node.files.write(node.files.certificate(purpose), pem)
    node.trust(bundle)
    try:
        _ask(node)
    except requests.RequestException as error:
        raise StepFailed(f'trust: taken over, not yet confirmed: {told(error)}') from error
    return True


def _is_of(node: Node, purpose: str, authority: x509.Certificate) -> bool:
    pem = node.files.certificate(purpose).read_bytes()
    return is_issued_by(x509.load_pem_x509_certificate(pem), authority)


def _ask(node: Node) -> bytes | None:
    """What the bay trusts; None when the node trusts that."""
    purpose = node.purposes()[0]
    arguments = {'purpose': purpose, 'trusts': hashlib.sha256(node.bundle).hexdigest()}
    answer = node.post_request('trust', purpose, arguments, _ATTEMPTS)
    return None if answer.status_code == 204 else answer.content
