# roles: master
"""Logins of the cloud's users to their bay with tokens of Keystone.

The API server of this master asks by its token webhook, and the service says whose a
token is. Nothing is kept here: the API server remembers answers for two minutes.
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import socket
import ssl

from .channel import Away, Channel, Refused
from .node import Node

HOST = '127.0.0.1'
PORT = 10981
SECONDS = 30.0
MOST_BYTES = 1 << 18
#: The certificate of the API server, for this address, too.
CERTIFICATE = '/etc/magnum/certificates/server.pem'
KEY = '/etc/magnum/certificates/server.key'


def may_be_of_keystone(token: str) -> bool:
    """Whether Keystone may have made a token.

    Its signed ones name no issuer. Those of Kubernetes' own service accounts do, and are
    told to nobody.
    """
    if not re.fullmatch(r'[A-Za-z0-9._=-]+', token):
        return False
    parts = token.split('.')
    if len(parts) == 1:
        return True
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + '=='))
    except (ValueError, IndexError):
        return False
    return isinstance(claims, dict) and 'iss' not in claims


class Logins(http.server.BaseHTTPRequestHandler):
    """Answers reviews of tokens (``authentication.k8s.io/v1``)."""

    channel: Channel
    timeout = SECONDS

    def setup(self) -> None:
        """Greet the client here, as each has its thread."""
        super().setup()
        self.connection.do_handshake()

    def do_POST(self) -> None:
        """Say whose a token is."""
        try:
            length = min(int(self.headers['Content-Length']), MOST_BYTES)
            token = str(json.loads(self.rfile.read(length))['spec']['token'])
        except (TypeError, ValueError, LookupError):
            self.send_error(400)
            return
        try:
            status = self._status(token)
        except Away as away:
            self.log_error('%s', away)
            self.send_error(503)
            return
        content = json.dumps({
            'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview', 'status': status,
        }).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _status(self, token: str) -> dict[str, object]:
        """:raises Away: the service is unavailable."""
        if not may_be_of_keystone(token):
            return {'authenticated': False}
        try:
            user = self.channel.signed('login', 'magnum/login', {'token': token}).get('user')
        except Refused as refusal:
            self.log_error('%s', refusal)
            return {'authenticated': False, 'error': str(refusal)}
        if not isinstance(user, dict):
            return {'authenticated': False}
        return {'authenticated': True, 'user': {
            'username': user['name'], 'uid': user['uid'], 'groups': user['groups'],
        }}


class Server(http.server.ThreadingHTTPServer):
    """Serves with the certificate that there is at the moment: renewals replace it."""

    def __init__(self, node: Node, port: int = PORT) -> None:
        super().__init__((HOST, port), Logins)
        self._node = node

    def get_request(self) -> tuple[socket.socket, object]:
        """Take a connection; an unusable certificate ends it.

        :raises OSError: there is none.
        """
        connection, address = super().get_request()
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                str(self._node.path(CERTIFICATE)), str(self._node.path(KEY))
            )
            return context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            ), address
        except OSError:
            connection.close()
            raise


def main() -> None:
    """Answer from now on."""
    node = Node()
    Logins.channel = Channel(node)
    with Server(node) as server:
        server.serve_forever()


if __name__ == '__main__':
    main()
