"""The whole cloud: hands requests to its services, and counts them."""

import dataclasses
import traceback
from collections.abc import Callable

from tools.fakecloud.compute import Compute
from tools.fakecloud.control import Control
from tools.fakecloud.http import Reply, Request
from tools.fakecloud.identity import Identity, error
from tools.fakecloud.image import Image
from tools.fakecloud.network import Network
from tools.fakecloud.orchestration import Orchestration
from tools.fakecloud.volume import Volume
from tools.fakecloud.world import World


class Cloud:
    """All services; the first segment of a path is the service's type.

    :param base: URL of the server.
    :param magnum: URL of the service under test, for the catalogue.
    """

    def __init__(self, base: str, magnum: str):
        self.world = World(base, magnum)
        self.identity = Identity(self.world)
        self.orchestration = Orchestration(self.world)
        self.compute = Compute(self.world, self.identity)
        self.network = Network(self.world)
        self.image = Image(self.world)
        self.volume = Volume(self.world)
        self._services: dict[str, Callable[[Request], Reply]] = {
            'identity': self.identity.answer,
            'orchestration': self.orchestration.answer,
            'compute': self.compute.answer,
            'network': self.network.answer,
            'image': self.image.answer,
            'block-storage': self.volume.answer,
        }
        self._control = Control(self.world, self.identity, self.orchestration)

    def answer(self, request: Request) -> Reply:
        """One request to any of the services."""
        service = request.path[0] if request.path else ''
        if service == 'control':
            return self._control.answer(request)
        behaviour = self.world.behaviour
        if service in behaviour.down:
            return Reply('down', error(503, 'Service Unavailable'), 503)
        if service in behaviour.forbidden:
            return Reply('forbidden', error(403, 'Forbidden'), 403)
        if service != 'identity' and not self.identity.opens(request):
            return Reply('unauthorized', error(401, 'Unauthorized'), 401)
        answer = self._services.get(service)
        if answer is None:
            return Reply('other', error(404, 'Not Found'), 404)
        try:
            reply = answer(request)
        except Exception:
            # A request that the fake does not understand must not pass unseen.
            traceback.print_exc()
            reply = Reply('bug', status=400)
        self.world.calls[f'{service} {request.method} {reply.route}'] += 1
        latency = behaviour.latency.get(service, 0.0)
        return dataclasses.replace(reply, delay=latency) if latency else reply
