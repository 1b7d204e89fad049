"""What a node does at its first start, and has then.

Knows of the bay what the user data says, and nothing else. A node is a folder
here, in which nodes' own agent (``magnum/drivers/common/node/agent``) finds what
it finds on a machine; it registers and reports. Stand-ins are its scripts,
as nothing runs that they could look at.
"""

import base64
import datetime
import email
import email.policy
import pathlib
import re
import shlex
import shutil
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from magnum.drivers import settings
from magnum.drivers.common.node.agent import certificates, cloud, directives, state
from magnum.drivers.common.node.agent import node as files
from magnum.drivers.common.node.agent.channel import Away, Channel, Refused
from magnum.drivers.common.node.agent.reporter import Reporter

T = TypeVar('T')

SETTINGS_PATH = files.SETTINGS
_CLOUD_CONFIG = 'text/cloud-config'
_ENCODINGS = frozenset({'b64', 'base64'})

_ATTEMPTS = 10
_RETRY_DELAY = 3  # seconds
_REGISTER = '11-register'
_CLOUD = '37-cloud-credential'
#: Kubernetes' workers do not keep the key of this one.
_NOT_KEPT = 'renewal'
_FAILED_STEP = re.compile(r'step ([A-Za-z0-9][A-Za-z0-9._-]*): (.*)', re.DOTALL)
#: What played nodes say to directives, by verb.
_DONE = {
    'admit': 'taken in again: $MAGNUM_NODES',
    'check': 'may be told: $MAGNUM_SETTINGS',
    'drain': 'nothing runs on: $MAGNUM_NODES',
    'reencrypt': 'nothing is encrypted',
    'remove': 'none of: $MAGNUM_NODES',
    'retire': 'no members: $MAGNUM_NODES',
    'snapshot': 'nothing to save',
    'upgrade': 'told: $MAGNUM_SETTINGS',
}
_STAND_INS = {
    '/opt/magnum/conditions.sh': """#!/bin/sh
case $1 in
    condition)
        echo 'condition Services True Active'
        echo 'condition Node True Working'
        [ "$MAGNUM_NODE_ROLE" != master ] || echo 'condition ControlPlane True Working' ;;
esac
""",
    **{
        f'{directives.FOLDER}/{verb}.sh': f'#!/bin/sh\necho "{text}"\n'
        for verb, text in _DONE.items()
    },
}


class StepFailed(Exception):
    """A step of the node failed; the text is the reason that is reported."""


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
    """One node, and its agent.

    :param root: the folder of its files, with its settings.
    :param stopping: ends waiting early when set.
    :raises OSError: the folder is that of no node.
    """

    def __init__(self, root: pathlib.Path, stopping: threading.Event):
        self.files = files.Node(root)
        self.settings = self.files.settings
        self.name = self.files.name
        self.reporter = Reporter(self.files)
        self._stopping = stopping

    @classmethod
    def made(
        cls, root: pathlib.Path, told: Mapping[str, str], stopping: threading.Event
    ) -> 'Node':
        """A node on a new disk.

        :param told: what :func:`read_settings` gave.
        """
        shutil.rmtree(root, ignore_errors=True)
        for name, text in {SETTINGS_PATH: settings.shell(told), **_STAND_INS}.items():
            file = root / name.lstrip('/')
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o700)
        return cls(root, stopping)

    def __str__(self) -> str:
        coe, role = (self.settings.get(f'MAGNUM_{key}', '?') for key in ('COE', 'NODE_ROLE'))
        return f'{self.name} ({coe} {role})'

    def register(self) -> list[str]:
        """Bind the node's keys, get all of its certificates and check them.

        :returns: the purposes.
        :raises StepFailed: it is refused, or one is not what it should be.
        """
        state.tell(self.files, state.BUILDING, _REGISTER, 1, 1)
        try:
            certificates.register(
                self.files, Channel(self.files), _ATTEMPTS, _RETRY_DELAY, self._sleep
            )
            for purpose in self.files.purposes():
                pem = self.files.certificate(purpose).read_bytes()
                self.check(purpose, pem, self.bundle)
        except (Away, Refused, files.ProgramFailed, ValueError) as error:
            raise StepFailed(f'step {_REGISTER}: {error}') from error
        if self.files.purposes():
            self.trust(self.bundle)
        if self.files.role == 'worker':
            self.files.key(_NOT_KEPT).unlink(missing_ok=True)
        self.reporter.turn()
        return self.files.purposes()

    def use_cloud(self) -> None:
        """Have the file with which a master uses the cloud, where it is to have one.

        :raises StepFailed: it is refused.
        """
        if not cloud.is_wanted(self.files):
            return
        channel = Channel(self.files)
        try:
            self.patiently(lambda: cloud.take(self.files, channel))
        except (Away, Refused, files.ProgramFailed) as error:
            raise StepFailed(f'step {_CLOUD}: {error}') from error

    def is_registered(self) -> bool:
        """Whether the service knows it."""
        return certificates.is_registered(self.files)

    def is_up(self) -> bool:
        """Whether all of its steps were done."""
        return state.read(self.files)['state'] == state.READY

    def came_up(self) -> None:
        """Report it."""
        state.tell(self.files, state.READY)
        self.reporter.turn()

    def failed(self, reason: str) -> None:
        """Report it.

        :param reason: ``step NAME: TEXT``, or a text.
        :raises Away: the service is unavailable.
        :raises Refused: the service refuses a node that is not registered.
        """
        found = _FAILED_STEP.fullmatch(reason)
        step, text = found.groups() if found else (None, reason)
        state.tell(self.files, state.FAILED, step, 1, 1, text)
        if self.is_registered():
            self.reporter.turn()
            return
        told = {'step': step, 'position': 1, 'steps': 1, 'lines': state.read(self.files)['lines']}
        channel = Channel(self.files)
        self.patiently(lambda: channel.fail(told))

    @property
    def bundle(self) -> bytes:
        """The authorities that it trusts, as the service sent them."""
        return self.files.certificate('ca').read_bytes()

    def trust(self, bundle: bytes) -> None:
        """Trust these authorities from now on, as the service hears."""
        for name in ('ca', 'trusted'):
            self.files.write(self.files.certificate(name), bundle)

    def purposes(self) -> list[str]:
        """Of the certificates whose keys it keeps."""
        return [purpose for purpose in self.files.purposes() if self.files.key(purpose).exists()]

    def check(self, purpose: str, pem: bytes, bundle: bytes) -> None:
        """Check a certificate.

        :param bundle: of the authorities that may have issued it.
        :raises ValueError: it is not what it should be.
        """
        certificate = x509.load_pem_x509_certificate(pem)
        if not any(is_issued_by(certificate, authority) for authority in authorities(bundle)):
            raise ValueError(f'the certificate for {purpose} is of another authority')
        key = load_pem_private_key(self.files.key(purpose).read_bytes(), None)
        if certificate.public_key() != key.public_key():
            raise ValueError(f'the certificate for {purpose} has another key')
        now = datetime.datetime.now(datetime.UTC)
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise ValueError(f'the certificate for {purpose} is not valid now')

    def patiently(self, send: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
        """Send something, again while the service is unavailable.

        :raises Away: it is for too long.
        """
        return certificates.patiently(send, attempts, _RETRY_DELAY, self._sleep)

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StepFailed('stopped while trying again')


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
