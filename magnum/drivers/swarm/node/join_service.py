# roles: master
"""Take nodes into the swarm.

A node asks with an empty POST /join. This manager then connects to the node's
own Docker engine, checks by its certificate that it belongs to this bay and
as what, and makes it join. Join tokens so reach nobody but engines of the
bay, and a worker's certificate needs no client rights, which every engine of
the bay would take for full power over it.
"""

import contextlib
import http.client
import http.server
import json
import os
import socket
import ssl
import sys
from typing import Any

CERTIFICATES = '/etc/magnum/certificates/'
TOKEN_OF_ORGANIZATION = {'magnum:masters': 'Manager', 'magnum:workers': 'Worker'}
DOCKER_PORT = int(os.environ['MAGNUM_DOCKER_PORT'])
JOIN_PORT = int(os.environ['MAGNUM_JOIN_PORT'])
SECONDS = 60


class UnixConnection(http.client.HTTPConnection):
    """HTTP to this node's own engine."""

    def connect(self) -> None:
        """Connect to the engine's socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect('/run/docker.sock')


def call(
    connection: http.client.HTTPConnection, verb: str, path: str, body: dict[str, Any] | None = None
) -> Any:
    """One call of Docker's API; raises RuntimeError with its message."""
    connection.request(
        verb, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'}
    )
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f'{path}: {answer.status} {text.decode()}')
    return json.loads(text) if text else None


def organization(connection: http.client.HTTPSConnection) -> str | None:
    """Of the engine's certificate."""
    certificate: Any = connection.sock.getpeercert()
    names = dict(pair for attributes in certificate['subject'] for pair in attributes)
    return names.get('organizationName')


def take_in(address: str) -> None:
    """Make the engine at the address join this manager's swarm."""
    context = ssl.create_default_context(cafile=CERTIFICATES + 'ca.pem')
    context.load_cert_chain(CERTIFICATES + 'client.pem', CERTIFICATES + 'client.key')
    node = http.client.HTTPSConnection(address, DOCKER_PORT, context=context, timeout=SECONDS)
    with contextlib.closing(node), contextlib.closing(UnixConnection('localhost')) as own:
        node.connect()
        role = TOKEN_OF_ORGANIZATION.get(organization(node) or '')
        if role is None:
            raise RuntimeError('the engine is of no node of this bay')
        tokens = call(own, 'GET', '/swarm')['JoinTokens']
        call(
            node,
            'POST',
            '/swarm/join',
            {
                'ListenAddr': '0.0.0.0:2377',
                'AdvertiseAddr': address,
                'RemoteAddrs': [os.environ['MAGNUM_NODE_ADDRESS'] + ':2377'],
                'JoinToken': tokens[role],
            },
        )


class Handler(http.server.BaseHTTPRequestHandler):
    """POST /join and nothing else."""

    timeout = SECONDS

    def do_POST(self) -> None:
        """Take the caller in."""
        status, text = 200, 'joined'
        if self.path != '/join':
            status, text = 404, 'POST /join'
        else:
            try:
                take_in(self.client_address[0])
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                status, text = 503, str(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode() + b'\n')


class Server(http.server.ThreadingHTTPServer):
    """TLS per connection, in its thread: a silent client blocks nobody."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then handle."""
        request.settimeout(SECONDS)
        with self.context.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)


def main() -> int:
    """Serve until killed."""
    Server.context.load_cert_chain(CERTIFICATES + 'server.pem', CERTIFICATES + 'server.key')
    Server(('0.0.0.0', JOIN_PORT), Handler).serve_forever()  # noqa: S104
    return 0


if __name__ == '__main__':
    sys.exit(main())
