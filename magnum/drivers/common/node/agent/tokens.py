# roles: master
"""Tokens of the bay's application credential, for a program that knows passwords only.

The cluster autoscaler is that program: it asks for a token as with a user's password,
and gets one of the credential that the cloud's file has at that moment. This node alone
can ask, with the password of the configuration, which is the node's own.
"""

from __future__ import annotations

import hmac
import http.server
import json
import os
import re
import urllib.error
import urllib.request

from .channel import AUTHORITY_OF_CLOUD, KEY
from .node import Node
from .opener import opener

PURPOSE = 'autoscaler'
HOST = '127.0.0.1'
PORT = 10980
#: What the autoscaler reads, as the group that its pod runs with.
CONFIGURATION = '/etc/kubernetes/autoscaler.conf'
GROUP = 65532
SECONDS = 30.0
HEADER = 'X-Subject-Token'


def password(node: Node) -> str:
    """The node's own, the same whenever it is asked for."""
    return hmac.new(node.path(KEY).read_bytes(), PURPOSE.encode(), 'sha256').hexdigest()


def write_configuration(node: Node, port: int = PORT) -> None:
    """Write what the autoscaler reads, which knows few settings of the cloud's file."""
    lines = [
        '[Global]', f'auth-url=http://{HOST}:{port}/v3', 'user-id=magnum',
        'password=' + password(node),
        *re.findall('(?m)^(?:region|ca-file)=.*', node.cloud(PURPOSE).read_text()),
    ]
    file = node.path(CONFIGURATION)
    # In place: a pod has this very file.
    file.touch()
    os.chown(str(file), -1, GROUP)
    file.chmod(0o640)
    file.write_text('\n'.join(lines) + '\n')


class Tokens(http.server.BaseHTTPRequestHandler):
    """Answers the autoscaler of a node as Keystone does."""

    node: Node
    timeout = SECONDS

    def do_POST(self) -> None:
        """Give a token to who has the password."""
        asked = self.rfile.read(int(self.headers['Content-Length']))
        if password(self.node).encode() not in asked:
            self.send_error(401)
            return
        content = self.node.cloud(PURPOSE).read_text()
        told = dict(re.findall('(?m)^([a-z-]+)="?([^"\n]*)', content))
        url = told['auth-url'].rstrip('/')
        url += '/auth/tokens' if url.endswith('/v3') else '/v3/auth/tokens'
        name = 'application_credential'
        body = {'auth': {'identity': {'methods': [name], name: {
            word: told[f'application-credential-{word}'] for word in ('id', 'secret')
        }}}}
        request = urllib.request.Request(   # noqa: S310 - the opener has HTTP only
            url, json.dumps(body).encode(), {'Content-Type': 'application/json'}
        )
        try:
            authority = self.node.path(AUTHORITY_OF_CLOUD)
            answer = opener(self.node.settings, authority, url).open(request, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.send_response(answer.code)
            self.send_header(HEADER, answer.headers.get(HEADER, ''))
            self.end_headers()
            self.wfile.write(answer.read())


def main() -> None:
    """Write the configuration, and answer from then on."""
    Tokens.node = Node()
    with http.server.ThreadingHTTPServer((HOST, PORT), Tokens) as server:
        write_configuration(Tokens.node)
        server.serve_forever()


if __name__ == '__main__':
    main()
