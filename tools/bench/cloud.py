"""The fake cloud of benchmarks: ``python -m tools.bench.cloud`` until a signal ends it.

Every token is valid, and its text says whose it is: ``proj-<name>`` is that of a
member of the project of this name; one with ``admin`` in it is an administrator's.
"""

import argparse
import asyncio
import signal
import uuid
from typing import Final

from tools.bench import settings
from tools.fakecloud import http
from tools.fakecloud.cloud import Cloud
from tools.fakecloud.compute import flavor
from tools.fakecloud.http import Reply, Request
from tools.fakecloud.identity import Token
from tools.fakecloud.image import image
from tools.fakecloud.network import network, subnet

#: Name of a flavor: (memory in MB, processors, disk in GB).
_FLAVORS: Final = {
    'm1.tiny': (512, 1, 1),
    'm1.small': (2048, 1, 20),
    'm1.medium': (4096, 2, 40),
    'm1.large': (8192, 4, 80),
    'm1.xlarge': (16384, 8, 160),
}
#: Name of an image: (id, os_distro).
IMAGES: Final = {
    'fedora-coreos': ('b2b10a5e-0000-4000-8000-000000000001', 'fedora-coreos'),
    'ubuntu-24.04': ('b2b10a5e-0000-4000-8000-000000000002', 'ubuntu'),
    'debian-12': ('b2b10a5e-0000-4000-8000-000000000003', 'debian'),
}
EXTERNAL_NETWORK: Final = 'c0ffee00-0000-4000-8000-0000000000aa'
_NETWORK: Final = 'c0ffee00-0000-4000-8000-0000000000ba'
_SUBNET: Final = 'c0ffee00-0000-4000-8000-0000000000bb'
_PUBLIC_KEY: Final = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJlbmNoYmVuY2hiZW5jaGJlbmNo bench'


class BenchCloud(Cloud):
    """With what baymodels of benchmarks name."""

    def __init__(self, base: str, magnum: str):
        super().__init__(base, magnum)
        self.identity.rule = _token
        self.compute.flavors = [flavor(name, name, *size) for name, size in _FLAVORS.items()]
        self.compute.keypairs = {settings.KEYPAIR: _PUBLIC_KEY}
        self.image.images = [
            image(ident, name, os_distro=distro) for name, (ident, distro) in IMAGES.items()
        ]
        self.network.collections = {
            'networks': [
                network(EXTERNAL_NETWORK, 'public', True),
                network(_NETWORK, 'private', False, _SUBNET),
            ],
            'subnets': [subnet(_SUBNET, 'private-subnet', _NETWORK)],
        }

    def answer(self, request: Request) -> Reply:
        """One request to the cloud, or to etcd's discovery, by which nodes of old met."""
        match request.path:
            case ('discovery', 'new'):
                url = f'{self.world.base}/discovery/{uuid.uuid4().hex}'
                return Reply('new', url.encode(), headers={'Content-Type': 'text/plain'})
            case ('discovery', *_):
                return Reply('get', {'action': 'get', 'node': {'value': '1'}})
        return super().answer(request)


def _token(text: str) -> Token:
    if 'admin' in text:
        return Token('user-admin', 'admin-project', ('admin', 'member'))
    project = text.removeprefix('proj-')
    return Token(f'user-{project}', project, ('member', 'reader'))


async def _serve(port: int, magnum: str) -> None:
    cloud = BenchCloud(f'http://{settings.HOST}:{port}', magnum)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: http.Connection(cloud.answer), settings.HOST, port, backlog=1024
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--magnum', required=True, help='URL of the service under test')
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.magnum))


if __name__ == '__main__':
    main()
