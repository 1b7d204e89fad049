"""Keys, requests and certificates of a client's user."""

import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Request:
    """A key and a signing request for it.

    :ivar pem: the request's text.
    """

    def __init__(self, name: str = 'alice'):
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        signed = request.sign(self._key, hashes.SHA256())
        self.pem = signed.public_bytes(serialization.Encoding.PEM).decode()

    def write(self, directory: pathlib.Path) -> str:
        """The name of a file with the request."""
        path = directory / 'request.csr'
        path.write_text(self.pem)
        return str(path)

    def check(self, certificate: str, authority: str) -> None:
        """The certificate answers this request, by that authority."""
        issued = load(certificate)
        issued.verify_directly_issued_by(load(authority))
        assert issued.public_key() == self._key.public_key()


def load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def check_files(directory: pathlib.Path) -> x509.Certificate:
    """``key.pem``, ``cert.pem`` and ``ca.pem`` belong together; the certificate."""
    certificate = load((directory / 'cert.pem').read_text())
    check(certificate, (directory / 'key.pem').read_text(), (directory / 'ca.pem').read_text())
    return certificate


def check(certificate: x509.Certificate, key: str, authority: str) -> None:
    """A certificate is for that key and by that authority."""
    private = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert certificate.public_key() == private.public_key()
    certificate.verify_directly_issued_by(load(authority))


def names(certificate: x509.Certificate) -> dict[str, str]:
    """The subject, by the usual abbreviations."""
    return {name.rfc4514_attribute_name: str(name.value) for name in certificate.subject}
