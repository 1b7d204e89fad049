"""A forward proxy for HTTP, and what it was asked for."""

import contextlib
import http.client
import http.server
import shutil
import urllib.parse
from collections.abc import Mapping
from typing import Final

_HEADERS: Final = ('Content-Type', 'Content-Length', 'Docker-Content-Digest')


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server: 'Proxy'

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        self.server.asked.append(f'{self.command} {url.hostname}')
        known = self.server.hosts.get(url.hostname or '')
        if known is None:
            self.send_error(502, f'no such host: {url.hostname}')
            return
        connection = http.client.HTTPConnection(known, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, url.path or '/')
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name in _HEADERS:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        """No host behind the proxy speaks TLS."""
        self.server.asked.append(f'CONNECT {self.path.rpartition(":")[0]}')
        self.send_error(502)

    def log_message(self, *_words: object) -> None:
        """Say nothing: what was asked for is kept."""


class Proxy(http.server.ThreadingHTTPServer):
    """A proxy that alone knows some hosts.

    :param hosts: by name, where each is, as ``address:port``.
    :ivar asked: the method and the host of each request.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], hosts: Mapping[str, str]):
        super().__init__(address, _Handler)
        self.hosts = hosts
        self.asked: list[str] = []

    @property
    def asked_hosts(self) -> set[str]:
        """Hosts that anybody asked for, found or not."""
        return {one.split()[1] for one in self.asked}
