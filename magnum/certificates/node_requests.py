"""What goes into the certificate of a node.

Nearly everything is the driver's word (:class:`NodeCertificate`); of the
node's request only the public key counts, and which of its own names it asks
for. Names of others are refused. Addresses of others are left out: nodes of
earlier releases ask for the API's, whatever they are.
"""

import ipaddress
import logging
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from magnum.certificates import authority
from magnum.certificates.errors import InvalidCSR
from magnum.certificates.requests import SigningRequest
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate

LOG = logging.getLogger(__name__)

_LOCALHOST: Final = 'localhost'
_LOOPBACK: Final = ('127.0.0.1', '::1')


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
    certificate: NodeCertificate,
    node_name: str,
    addresses: NodeAddresses,
    request: SigningRequest,
) -> list[authority.Extension]:
    """The extensions to sign.

    :param addresses: the node's, as the cloud knows them.
    :raises InvalidCSR: the request asks for a name that is not the node's.
    """
    granted: list[authority.Extension] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (authority.tls_key_usage(request.public_key), True),
    ]
    purposes = _purposes(certificate)
    if purposes:
        granted.append((x509.ExtendedKeyUsage(purposes), False))
    names = _alternative_names(certificate, node_name, addresses, request.extensions)
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
    certificate: NodeCertificate,
    node_name: str,
    addresses: NodeAddresses,
    requested: x509.Extensions,
) -> list[x509.GeneralName]:
    try:
        asked = requested.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = {normalised(name) for name in (node_name, _LOCALHOST, *certificate.dns_names)}
    own = {*_LOOPBACK, *addresses.own, *(addresses.api if certificate.api else ())}
    own_addresses = {ipaddress.ip_address(address) for address in own}
    granted: list[x509.GeneralName] = []
    api_addresses = {ipaddress.ip_address(address) for address in addresses.api}
    strange = []
    for name in asked:
        if isinstance(name, x509.IPAddress):
            if name.value in own_addresses:
                granted.append(name)
            elif name.value not in api_addresses:   # masters ask for these always
                strange.append(str(name.value))
        elif isinstance(name, x509.DNSName):
            if normalised(name.value) not in names:
                raise InvalidCSR(f'the node may not have the DNS name {name.value}')
            granted.append(x509.DNSName(normalised(name.value)))
        else:
            raise InvalidCSR(f'a node may not have the alternative name {name.value}')
    if strange:
        LOG.info(
            'The certificate of %s is without addresses that are not its own: %s',
            node_name, ', '.join(strange),
        )
    return list(dict.fromkeys(granted))


def normalised(name: str) -> str:
    """A DNS name as it is compared: what resolvers take for the same is the same."""
    return name.lower().removesuffix('.')
