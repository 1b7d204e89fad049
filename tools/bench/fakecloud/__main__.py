"""Run the fake cloud until a signal ends it: ``python -m tools.bench.fakecloud``."""

import argparse
import asyncio
import dataclasses
import signal
import traceback
from collections.abc import Callable

from tools.bench.fakecloud.control import Control
from tools.bench.fakecloud.http import Connection, Reply, Request
from tools.bench.fakecloud.identity import Identity
from tools.bench.fakecloud.orchestration import Orchestration
from tools.bench.fakecloud.resources import Resources
from tools.bench.fakecloud.world import World

_HOST = '127.0.0.1'


class Cloud:
    """Hands requests to services by the first segment of their path, and counts them."""

    def __init__(self, base: str, magnum: str):
        self._world = World(base, magnum)
        identity = Identity(self._world)
        orchestration = Orchestration(self._world)
        resources = Resources(self._world)
        self._services: dict[str, Callable[[Request], Reply]] = {
            'identity': identity.answer,
            'heat': orchestration.answer,
            'nova': resources.nova,
            'neutron': resources.neutron,
            'glance': resources.glance,
            'cinder': resources.cinder,
            'discovery': resources.discovery,
        }
        self._control = Control(self._world, identity, orchestration)

    def answer(self, request: Request) -> Reply:
        """One request to any of the services."""
        service = request.path[0] if request.path else ''
        if service == 'control':
            return self._control.answer(request)
        answer = self._services.get(service)
        if answer is None:
            return Reply('other', status=404)
        try:
            reply = answer(request)
        except Exception:
            # A request that the fake does not understand must not pass unseen.
            traceback.print_exc()
            reply = Reply('bug', status=400)
        self._world.calls[f'{service} {request.method} {reply.route}'] += 1
        latency = self._world.behaviour.latency.get(service, 0.0)
        return dataclasses.replace(reply, delay=latency) if latency else reply


async def _serve(port: int, magnum: str) -> None:
    cloud = Cloud(f'http://{_HOST}:{port}', magnum)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(cloud.answer), _HOST, port, backlog=1024
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
