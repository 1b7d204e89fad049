# roles: master worker
"""The node's keys, and the requests for its certificates."""

from __future__ import annotations

import datetime
import hashlib
import pathlib
import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from .channel import KEY, Away, Channel
from .node import ENCRYPTION_KEY, Node, ProgramFailed, openssl

T = TypeVar('T')

REGISTERED = '/etc/magnum/registered'
ATTEMPTS, PAUSE = 10, 6.0
#: A certificate is reported when this part of its term is left.
LAST_PART = 10


def alternative_names(node: Node, purpose: str) -> str:
    """The subject alternative names for the certificate of a purpose."""
    told = ['MAGNUM_NODE_ADDRESS', 'MAGNUM_NODE_PUBLIC_ADDRESS']
    if node.role == 'master':
        # The service omits them from certificates that the API's clients do not see.
        told += ['MAGNUM_API_ADDRESS', 'MAGNUM_API_PUBLIC_ADDRESS', 'MAGNUM_SERVICE_ADDRESS']
    further = node.setting('MAGNUM_CERTIFICATE_NAMES_' + purpose.replace('-', '_'))
    names = [node.name, 'localhost', *further.split()]
    addresses = ['127.0.0.1', *' '.join(map(node.setting, told)).split()]
    return ','.join(
        ['DNS:' + name for name in names] + ['IP:' + address for address in addresses]
    )


def request(node: Node, purpose: str) -> str:
    """The signing request of a purpose, in PEM."""
    return openssl(
        'req', '-new', '-key', str(node.key(purpose)), '-subj', '/CN=' + node.name[:64],
        '-addext', 'subjectAltName=' + alternative_names(node, purpose),
    ).decode()


def public_key(key: pathlib.Path) -> str:
    """The public key of a private one, in PEM."""
    return openssl('pkey', '-in', str(key), '-pubout').decode()


def trusts(node: Node) -> str:
    """The digest of what the node's services trust, as trust.sh says it."""
    file = node.certificate('trusted')
    return hashlib.sha256(file.read_bytes() if file.exists() else b'').hexdigest()


def register(
    node: Node, channel: Channel, attempts: int = ATTEMPTS, pause: float = PAUSE,
    sleep: Callable[[float], object] = time.sleep,
) -> list[str]:
    """Register the node's keys, and store its certificates.

    Does nothing on a registered node: its token may have expired.

    :returns: the purposes of the new certificates.
    :raises Refused: the service refused; retrying is of no use.
    :raises Away: the service did not answer in time.
    :raises ProgramFailed: its answer is not valid.
    """
    if is_registered(node):
        return []
    own = node.path(KEY)
    for key in (own, *(node.key(purpose) for purpose in node.purposes())):
        _make(node, key)
    body: dict[str, object] = {
        'public_key': public_key(own),
        'requests': {purpose: request(node, purpose) for purpose in node.purposes()},
    }
    answer = patiently(lambda: channel.register(body), attempts, pause, sleep)
    _keep(node, answer)
    node.write(node.path(REGISTERED), _fingerprint(node))
    return node.purposes()


def is_registered(node: Node) -> bool:
    """Whether the node is registered with the token that it has."""
    marker = node.path(REGISTERED)
    return marker.exists() and marker.read_text() == _fingerprint(node)


def _fingerprint(node: Node) -> str:
    return hashlib.sha256(node.setting('MAGNUM_BOOTSTRAP_TOKEN').encode()).hexdigest()


def patiently(
    send: Callable[[], T], attempts: int = ATTEMPTS, pause: float = PAUSE,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Send something, again while the service is unavailable.

    :raises Away: it is for too long.
    """
    while True:
        try:
            return send()
        except Away as error:
            attempts -= 1
            if attempts < 1:
                raise
            sleep(max(pause, min(error.seconds, 60)))


def _keep(node: Node, answer: dict[str, object]) -> None:
    """Store the answer; nothing of one that is not valid."""
    purposes = node.purposes()
    if not purposes:
        return
    authorities, given = answer.get('authorities'), answer.get('certificates')
    if not isinstance(authorities, str) or not isinstance(given, dict):
        raise ProgramFailed('the answer has no authorities or no certificates')
    openssl('x509', '-noout', given=authorities.encode())
    for purpose in purposes:
        shown = openssl(
            'x509', '-noout', '-pubkey', given=str(given.get(purpose, '')).encode()
        ).decode()
        if shown != public_key(node.key(purpose)):
            raise ProgramFailed(f'the certificate for {purpose} has another key')
    for purpose in purposes:
        node.write(node.certificate(purpose), given[purpose])
    node.write(node.certificate('ca'), authorities, 0o644)
    if 'encryption_key' in answer:
        node.write(node.path(ENCRYPTION_KEY), str(answer['encryption_key'] or ''))


def terms(node: Node) -> dict[str, tuple[float, float]]:
    """Start and end of validity (Unix time) of the certificates in use, by purpose."""
    found: dict[str, tuple[float, float]] = {}
    for purpose in node.purposes():
        file = node.certificate(purpose)
        # A certificate is of no use without its key, and some keys are not kept.
        if file.exists() and node.key(purpose).exists():
            dates = openssl('x509', '-in', str(file), '-noout', '-startdate', '-enddate')
            begin, end = (line.partition('=')[2] for line in dates.decode().splitlines())
            found[purpose] = ssl.cert_time_to_seconds(begin), ssl.cert_time_to_seconds(end)
    return found


def ending(node: Node, now: float) -> str:
    """The certificate that expires first and its end, if that is soon; else empty."""
    soon = [
        (end, purpose)
        for purpose, (begin, end) in terms(node).items()
        if end - now < (end - begin) / LAST_PART
    ]
    if not soon:
        return ''
    end, purpose = min(soon)
    day = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
    return f'{purpose}: {day:%Y-%m-%dT%H:%M:%SZ}'


def _make(node: Node, key: pathlib.Path) -> None:
    if not key.exists():
        pem = openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout')
        node.write(key, pem)
