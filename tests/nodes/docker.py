"""Docker's own client, as a user runs it beside the files of a bay's configuration."""

import datetime
import os
import pathlib
import socket
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.functional.people import Person
from tools.nodes import guest

_TIMEOUT = 120  # seconds


class Docker:
    """The client against one engine.

    :param host: as ``tcp://192.0.2.1:2376``.
    :param folder: of ``ca.pem``, ``cert.pem`` and ``key.pem``.
    :param inside: what is put before the command, to run it in a network.
    :param image: of whose guest the client is: those of Docker refuse much older engines.
    """

    def __init__(
        self, host: str, folder: pathlib.Path, inside: tuple[str, ...] = (),
        image: str = guest.IMAGE,
    ):
        self.host = host
        self.folder = folder
        self._inside = inside
        self._image = image

    def __call__(self, *words: str, stdin: bytes | None = None) -> str:
        """Run a command that has to succeed; what it prints."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f'docker {words}: {done.stdout!r} {done.stderr!r}'
        return done.stdout.decode().strip()

    def run(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a command."""
        return subprocess.run(
            [
                *self._inside, *guest.client('docker', self._image), '--host', self.host, *words,
            ],
            input=stdin or b'',
            capture_output=True, timeout=_TIMEOUT,
            env={
                'PATH': os.defpath, 'HOME': str(self.folder), 'DOCKER_TLS_VERIFY': '1',
                'DOCKER_CERT_PATH': str(self.folder),
            },
        )

    def at(self, address: str) -> 'Docker':
        """The same against the engine at another address."""
        return Docker(f'tcp://{address}:2376', self.folder, self._inside, self._image)


def configured(
    person: Person, bay: str, folder: pathlib.Path, image: str = guest.IMAGE
) -> Docker:
    """The client of a bay, by what the service answers to a request made here."""
    fetch(person, bay, folder)
    bay_document = person.bay(bay)
    assert bay_document is not None
    return Docker(bay_document['api_address'], folder, image=image)


def fetch(person: Person, bay: str, folder: pathlib.Path, group: str = '') -> None:
    """Write the files of a bay's configuration, and ``key.pem``, into a new folder.

    :param group: of Kubernetes, if any, of which the person is.
    """
    key, request = _new_request(person.name, group)
    answer = person.magnum.post(f'/clusters/{bay}/config', json={'csr': request})
    assert answer.status_code == 201, answer.text
    folder.mkdir(parents=True)
    for name, text in {**answer.json()['files'], 'key.pem': key}.items():
        (folder / name).write_text(text)


def _new_request(name: str, group: str) -> tuple[str, str]:
    """A key and a signing request for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .sign(key, hashes.SHA256())
    )
    return _pem(key), request.public_bytes(serialization.Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    """A key as text."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


class Refused(Exception):
    """The engine let nobody in; the text is its reason."""


def handshake(host: str, authorities: pathlib.Path, identity: pathlib.Path | None) -> None:
    """Ask an engine for something over TLS, with or without a certificate.

    :param identity: the folder of ``cert.pem`` and ``key.pem``.
    :raises Refused: it has refused.
    """
    context = ssl.create_default_context(cafile=str(authorities))
    if identity is not None:
        context.load_cert_chain(identity / 'cert.pem', identity / 'key.pem')
    address, _, port = host.removeprefix('tcp://').partition(':')
    try:
        with (
            socket.create_connection((address, int(port)), timeout=_TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=address) as connection,
        ):
            connection.sendall(b'GET /_ping HTTP/1.0\r\n\r\n')
            answer = connection.recv(64)
    except ssl.SSLError as error:
        raise Refused(str(error)) from error
    assert answer.startswith(b'HTTP/1.0 200'), answer


def self_signed(folder: pathlib.Path, name: str) -> pathlib.Path:
    """A certificate by no authority of the bay; the folder with ``cert.pem`` and ``key.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    (folder / 'cert.pem').write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / 'key.pem').write_text(_pem(key))
    return folder
