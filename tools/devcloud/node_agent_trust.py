"""What a node does later on: follow its bay to other authorities.

As ``magnum/drivers/common/node/trust.sh`` does it, without services. What the
node has on its disk is a JSON file here, so that it outlives the agent.
"""

import hashlib
import json
import math
import os
import pathlib
import random
import threading
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools.devcloud.node_agent_boot import Node, StepFailed, authorities, is_issued_by, told

# The timer comes again.
_ATTEMPTS = 2
# Kubernetes' workers do not keep the key of this one.
_NOT_KEPT = 'renewal'


def save(node: Node, disk: pathlib.Path) -> None:
    """Write the node's disk, as a whole."""
    content = {
        'settings': dict(node.settings),
        'bundle': node.bundle.decode(),
        'keys': {
            purpose: key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
            for purpose, key in node.keys.items()
            if purpose != _NOT_KEPT
        },
        'certificates': {
            purpose: certificate.public_bytes(serialization.Encoding.PEM).decode()
            for purpose, certificate in node.certificates.items()
        },
    }
    # Beside the directory, where every file is of a server.
    new = disk.parent.parent / f'{disk.name}.new'
    with open(new, 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(content, file)
    new.replace(disk)


def load(disk: pathlib.Path, stopping: threading.Event) -> Node | None:
    """The node of a disk; None when there is none or it is empty.

    :raises ValueError: it cannot be understood.
    """
    try:
        text = disk.read_text()
    except FileNotFoundError:
        return None
    if not text:
        return None
    content: dict[str, Any] = json.loads(text)
    node = Node(content['settings'], stopping)
    node.bundle = content['bundle'].encode()
    for purpose, pem in content['keys'].items():
        key = serialization.load_pem_private_key(pem.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f'{purpose}: only elliptic keys are saved')
        node.keys[purpose] = key
    for purpose, pem in content['certificates'].items():
        node.certificates[purpose] = x509.load_pem_x509_certificate(pem.encode())
    return node


def seconds_to_next(node: Node | None) -> float:
    """Until the node's timer elapses; infinite for one that has none."""
    seconds = float(node.settings.get('MAGNUM_TRUST_SECONDS') or 0) if node else 0.0
    if node is None or not node.keys or seconds <= 0:
        return math.inf
    return seconds * random.uniform(1, 1.25)


def take_round(node: Node, disk: pathlib.Path) -> bool:
    """Ask what the bay trusts, trust it, and say so.

    :returns: whether that was something new.
    :raises StepFailed: the node trusts and has what it had.
    """
    try:
        bundle = _ask(node)
        if bundle is None:
            return False
        issuing = authorities(bundle)[0]
        issued = {
            purpose: node.certificate(f'reissue/{purpose}', purpose, bundle, attempts=_ATTEMPTS)
            for purpose in node.keys
            if not is_issued_by(node.certificates[purpose], issuing)
        }
    except (requests.RequestException, ValueError) as error:
        raise StepFailed(f'trust: {told(error)}') from error
    node.certificates |= issued
    node.bundle = bundle
    save(node, disk)
    try:
        _ask(node)
    except requests.RequestException as error:
        raise StepFailed(f'trust: taken over, not yet confirmed: {told(error)}') from error
    return True


def _ask(node: Node) -> bytes | None:
    """What the bay trusts; None when the node trusts that."""
    purpose = next(iter(node.keys))
    trusts = hashlib.sha256(node.bundle).hexdigest()
    arguments = {'purpose': purpose, 'trusts': trusts}
    answer = node.post_request('trust', purpose, arguments, attempts=_ATTEMPTS)
    return None if answer.status_code == 204 else answer.content
