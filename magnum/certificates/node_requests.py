"""What goes into the certificate of a node.

Nearly everything is the driver's word (:class:`NodeCertificate`); of the
node's request only the public key and the alternative names count.
"""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from magnum.certificates import authority
from magnum.certificates.errors import InvalidCSR
from magnum.certificates.requests import SigningRequest
from magnum.domain.node_certificates import NodeCertificate

_LOCALHOST = 'localhost'


def subject(certificate: NodeCertificate, node_name: str) -> x509.Name:
    """The subject of this certificate on this node.

    :raises InvalidCSR: the node's name makes the common name too long.
    """
    common_name = certificate.common_name.format(node=node_name)
    if len(common_name) > authority.MAX_COMMON_NAME:
        raise InvalidCSR(
            f'the common name {common_name} is longer than {authority.MAX_COMMON_NAME} characters'
        )
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if certificate.organization:
        attributes.insert(
            0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, certificate.organization)
        )
    return x509.Name(attributes)


def extensions(
    certificate: NodeCertificate, node_name: str, request: SigningRequest
) -> list[authority.Extension]:
    """The extensions to sign.

    :raises InvalidCSR: the request asks for a name that is not the node's.
    """
    granted: list[authority.Extension] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (authority.tls_key_usage(request.public_key), True),
    ]
    purposes = _purposes(certificate)
    if purposes:
        granted.append((x509.ExtendedKeyUsage(purposes), False))
    names = _alternative_names(certificate, node_name, request.extensions)
    if names:
        granted.append((x509.SubjectAlternativeName(names), False))
    return granted


def _purposes(certificate: NodeCertificate) -> list[x509.ObjectIdentifier]:
    wanted = (
        (certificate.server, ExtendedKeyUsageOID.SERVER_AUTH),
        (certificate.client, ExtendedKeyUsageOID.CLIENT_AUTH),
    )
    return [purpose for is_wanted, purpose in wanted if is_wanted]


def _alternative_names(
    certificate: NodeCertificate, node_name: str, requested: x509.Extensions
) -> list[x509.GeneralName]:
    try:
        asked = requested.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    allowed = {name.lower() for name in (node_name, _LOCALHOST, *certificate.dns_names)}
    for name in asked:
        if isinstance(name, x509.IPAddress):
            continue
        if not isinstance(name, x509.DNSName):
            raise InvalidCSR(f'a node may not have the alternative name {name.value}')
        if name.value.lower() not in allowed:
            raise InvalidCSR(f'the node may not have the DNS name {name.value}')
    return list(asked)
