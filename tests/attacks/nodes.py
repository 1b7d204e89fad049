"""Nodes, and who says to be one: what they send to a running service."""

import ipaddress
import json
from collections.abc import Iterable
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from magnum.db import models
from tests.attacks.running import RunningService
from tests.unit.certificates import csr
from tests.unit.certificates.reporting import pem
from tools.common.node_signatures import signed


class Node:
    """One private key that asks for certificates under a name."""

    def __init__(self, service: RunningService, bay: str, name: str, token: str = ''):
        self.service, self.bay, self.name, self.token = service, bay, name, token
        self.key = ec.generate_private_key(ec.SECP256R1())

    def ask(self, purpose: str, names: Iterable[str] = ()) -> requests.Response:
        """For a first certificate, with the token."""
        return self._post(f'certificates/{purpose}', names, {'X-Bootstrap-Token': self.token})

    def reissue(self, purpose: str, names: Iterable[str] = ()) -> requests.Response:
        """For a certificate anew, with the key alone."""
        return self._post(f'reissue/{purpose}', names, {})

    def trust(self, purpose: str) -> requests.Response:
        """For what the bay trusts, with the key alone."""
        return self._post(f'trust?purpose={purpose}&trusts=', (), {})

    def come_up(self, role: str, signs: bool = False) -> None:
        """Register, and report that it is ready.

        :param signs: it says that it signs what it asks for later.
        """
        body = json.dumps({'public_key': pem(self.key), 'requests': {}}).encode()
        path = f'register?signs={"true" if signs else ""}'
        answer = self._send(path, body, {'X-Bootstrap-Token': self.token})
        assert answer.status_code == 200, answer.text
        answer = self.sign('report', role, {'sequence': 1, 'state': 'ready'})
        assert answer.status_code == 200, answer.text

    def sign(self, path: str, role: str, document: Any) -> requests.Response:
        """Send something, signed with the key."""
        body = json.dumps(document).encode()
        keyid = f'{self.bay}/{role}/{self.name}'
        return self._send(path, body, signed(self.key, body, keyid, f'magnum/{path}'))

    def _post(self, path: str, names: Iterable[str], headers: dict[str, str]) -> requests.Response:
        wanted = [_general_name(name) for name in names]
        body = csr.make(
            csr.name(CN=self.name),
            [(x509.SubjectAlternativeName(wanted), False)] if wanted else [],
            key=self.key,
        )
        return self._send(path, body, headers)

    def _send(
        self, path: str, body: str | bytes, headers: dict[str, str]
    ) -> requests.Response:
        return self.service.ask(
            'POST', f'/bootstrap/{self.bay}/{path}', None, data=body, headers=headers,
            params={'node': self.name},
        )


def names_in(answer: requests.Response) -> set[str]:
    """The alternative names of a certificate that was given."""
    assert answer.status_code == 200, answer.text
    extensions = x509.load_pem_x509_certificate(answer.content).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def token_in_heat(service: RunningService, stack: str, role: str) -> str | None:
    """What a reader of the project finds in Heat: the token of a role, if it was sent."""
    parameters = service.world.stack(stack)['parameters']
    token: str | None = parameters.get(f'{role}_bootstrap_token')
    return token


def boot(service: RunningService, bay: str, name: str, *addresses: str) -> Node:
    """Heat has Nova make a server of a bay, as the bay's own user."""
    (identity,) = service.world.rows(models.BayIdentity, bay_uuid=bay)
    service.cloud.boot(name, identity.user_id, addresses or ('10.0.0.5',))
    return Node(service, bay, name)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
