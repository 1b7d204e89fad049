"""devstack's TLS proxy, as far as the service behind it sees: FRONT BACK CERTIFICATE.

One request for each connection, with the headers that devstack's Apache adds.
"""

import contextlib
import shutil
import socket
import socketserver
import ssl
import sys
import threading


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(':')
    return host, int(port)


FRONT, BACK = map(_address, sys.argv[1:3])


class Handler(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self) -> None:
        """Pass its request on, and the answer back."""
        head = [self.rfile.readline()]
        while (line := self.rfile.readline()) not in (b'\r\n', b''):
            if line.lower().startswith(b'host:'):
                head.append(b'X-Forwarded-Host:' + line[5:])
                line = f'Host: {BACK[0]}:{BACK[1]}\r\n'.encode()
            elif line.lower().startswith(b'connection:'):
                continue
            head.append(line)
        head.append(b'X-Forwarded-Proto: https\r\n')
        head.append(f'X-Forwarded-For: {self.client_address[0]}\r\n'.encode())
        head.append(b'Connection: close\r\n\r\n')
        with socket.create_connection(BACK) as back:
            back.sendall(b''.join(head))
            threading.Thread(target=self._send_body, args=(back,), daemon=True).start()
            with back.makefile('rb') as answer:
                while chunk := answer.read1(65536):
                    self.wfile.write(chunk)

    def _send_body(self, back: socket.socket) -> None:
        with contextlib.suppress(OSError), back.makefile('wb') as body:
            shutil.copyfileobj(self.rfile, body, 1)


class Server(socketserver.ThreadingTCPServer):
    """Speaks TLS with its clients."""

    allow_reuse_address = True
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """The next connection; its handshake is made by the thread that reads."""
        connection, address = self.socket.accept()
        return CONTEXT.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ), address


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[3])
Server(FRONT, Handler).serve_forever()
