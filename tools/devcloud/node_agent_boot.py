"""What a node does between its first start and its word to Heat, and has then.

Knows of the bay what the user data says, and nothing else; does what
``magnum/drivers/common/node`` does about certificates and the signal.
"""

import base64
import datetime
import email
import email.policy
import ipaddress
import shlex
import threading
from collections.abc import Mapping
from typing import Any

import requests
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SETTINGS_PATH = '/etc/magnum/node.env'
_CLOUD_CONFIG = 'text/cloud-config'
_ENCODINGS = frozenset({'b64', 'base64'})

_TIMEOUT = 30  # seconds that one answer may take
_ATTEMPTS = 10
_RETRY_DELAY = 3  # seconds
_RETRIED = frozenset({429, 500, 502, 503, 504})
_ADDRESSES = ('MAGNUM_NODE_ADDRESS', 'MAGNUM_NODE_PUBLIC_ADDRESS')
_ADDRESSES_OF_API = (
    'MAGNUM_API_ADDRESS', 'MAGNUM_API_PUBLIC_ADDRESS', 'MAGNUM_SERVICE_ADDRESS'
)


class StepFailed(Exception):
    """A step of the node failed; the text is the reason that Heat is told."""


def read_settings(user_data: bytes) -> dict[str, str] | None:
    """The node's settings; None when this is not the user data of a bay's node.

    :raises StepFailed: it is, and cannot be understood.
    """
    message = email.message_from_bytes(user_data, policy=email.policy.default)
    if not message.is_multipart():
        return None
    try:
        for part in message.walk():
            if part.get_content_type() == _CLOUD_CONFIG:
                text = _written_settings(part.get_payload(decode=True))
                if text is not None:
                    return dict(_assignment(word) for word in shlex.split(text))
    except (yaml.YAMLError, ValueError, AttributeError, TypeError) as error:
        raise StepFailed(f'the user data cannot be read: {error}') from error
    return None


def _written_settings(cloud_config: Any) -> str | None:
    document = yaml.safe_load(cloud_config)
    for file in (document or {}).get('write_files', []):
        if file['path'] == SETTINGS_PATH:
            content = file['content']
            if file.get('encoding') in _ENCODINGS:
                content = base64.b64decode(content)
            return content.decode() if isinstance(content, bytes) else str(content)
    return None


def _assignment(word: str) -> tuple[str, str]:
    name, equals, value = word.partition('=')
    if not equals:
        raise ValueError(f'{SETTINGS_PATH} holds no assignment at "{name}"')
    return name, value


class Node:
    """One node, and what is on its disk.

    :param settings: what :func:`read_settings` gave.
    :param stopping: ends waiting early when set.
    :ivar keys: by purpose.
    :ivar certificates: by purpose.
    :ivar bundle: the authorities that it trusts, as the service sent them.
    """

    def __init__(self, settings: Mapping[str, str], stopping: threading.Event):
        self.settings = settings
        self._stopping = stopping
        self._http = requests.Session()
        self._http.verify = settings.get('MAGNUM_VERIFY_CA') != 'false'
        self.name = settings['MAGNUM_NODE_NAME']
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.certificates: dict[str, x509.Certificate] = {}
        self.bundle = b''

    def __str__(self) -> str:
        coe, role = (self.settings.get(f'MAGNUM_{key}', '?') for key in ('COE', 'NODE_ROLE'))
        return f'{self.name} ({coe} {role})'

    def get_certificates(self) -> list[str]:
        """Ask for all of the node's certificates and check them.

        :returns: the purposes.
        :raises StepFailed: one is refused, or is not what it should be.
        """
        purposes = self.settings['MAGNUM_CERTIFICATES'].split()
        if not purposes:
            return []
        token = {'X-Bootstrap-Token': self.settings['MAGNUM_BOOTSTRAP_TOKEN']}
        try:
            self.bundle = self.post('ca', headers=token).content
            for purpose in purposes:
                self.keys[purpose] = ec.generate_private_key(ec.SECP256R1())
                self.certificates[purpose] = self.certificate(
                    f'certificates/{purpose}', purpose, self.bundle, token
                )
        except (requests.RequestException, ValueError) as error:
            raise StepFailed(f'step 20-certificates: {told(error)}') from error
        return purposes

    def signal(self, status: str, reason: str) -> None:
        """Tell Heat how it went.

        :param status: SUCCESS or FAILURE.
        :raises requests.RequestException: Heat does not take it.
        """
        word = {'status': status, 'reason': reason, 'id': self.name}
        # PUT: Heat signs the address of a wait condition for this verb only.
        self._send('PUT', self.settings['MAGNUM_SIGNAL_URL'], _ATTEMPTS, json=word)

    def certificate(
        self,
        path: str,
        purpose: str,
        bundle: bytes,
        headers: Mapping[str, str] | None = None,
        attempts: int = _ATTEMPTS,
    ) -> x509.Certificate:
        """Have one issued for the key that the node has, and check it.

        :param bundle: of the authorities that may have issued it.
        :raises ValueError: it is not what it should be.
        """
        answer = self.post_request(path, purpose, {}, headers, attempts)
        certificate = x509.load_pem_x509_certificate(answer.content)
        if not any(is_issued_by(certificate, authority) for authority in authorities(bundle)):
            raise ValueError(f'the certificate for {purpose} is of another authority')
        if certificate.public_key() != self.keys[purpose].public_key():
            raise ValueError(f'the certificate for {purpose} has another key')
        now = datetime.datetime.now(datetime.UTC)
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise ValueError(f'the certificate for {purpose} is not valid now')
        return certificate

    def post_request(
        self,
        path: str,
        purpose: str,
        arguments: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        attempts: int = _ATTEMPTS,
    ) -> requests.Response:
        """Send the service a signing request made with the key of the purpose."""
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name[:64])]))
            .add_extension(x509.SubjectAlternativeName(self._names(purpose)), critical=False)
            .sign(self.keys[purpose], hashes.SHA256())
        )
        return self.post(
            path,
            attempts,
            params={'node': self.name, **arguments},
            data=request.public_bytes(serialization.Encoding.PEM),
            headers={'Content-Type': 'application/x-pem-file', **(headers or {})},
        )

    def post(self, path: str, attempts: int = _ATTEMPTS, **request: Any) -> requests.Response:
        """Ask the service for something of the bay's."""
        base = f'{self.settings["MAGNUM_BOOTSTRAP_URL"]}/{self.settings["MAGNUM_BAY_UUID"]}'
        return self._send('POST', f'{base}/{path}', attempts, **request)

    def _names(self, purpose: str) -> list[x509.GeneralName]:
        further = self.settings.get(f'MAGNUM_CERTIFICATE_NAMES_{purpose.replace("-", "_")}', '')
        is_master = self.settings.get('MAGNUM_NODE_ROLE') == 'master'
        told = _ADDRESSES + (_ADDRESSES_OF_API if is_master else ())
        addresses = ' '.join(self.settings.get(name, '') for name in told)
        return [
            *(x509.DNSName(name) for name in (self.name, 'localhost', *further.split())),
            *(
                x509.IPAddress(ipaddress.ip_address(address))
                for address in ('127.0.0.1', *addresses.split())
            ),
        ]

    def _send(self, method: str, url: str, attempts: int, **request: Any) -> requests.Response:
        """Send, again while the other side is away or busy.

        :raises requests.RequestException: refused, or away for too long.
        """
        for attempt in range(attempts):
            is_last = attempt == attempts - 1
            try:
                answer = self._http.request(method, url, timeout=_TIMEOUT, **request)
            except requests.ConnectionError:
                if is_last:
                    raise
            else:
                if is_last or answer.status_code not in _RETRIED:
                    answer.raise_for_status()
                    return answer
            if self._stopping.wait(_RETRY_DELAY):
                break
        raise requests.ConnectionError('stopped while trying again')


def authorities(bundle: bytes) -> list[x509.Certificate]:
    """Those in a file of them; the first one issues.

    :raises ValueError: there is none.
    """
    return x509.load_pem_x509_certificates(bundle)


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, InvalidSignature):
        return False
    return True


def told(error: Exception) -> str:
    """The reason, and what the other side said about it."""
    response = getattr(error, 'response', None)
    said = response.text.strip()[:300] if response is not None else ''
    return f'{error} {said}'.strip()
