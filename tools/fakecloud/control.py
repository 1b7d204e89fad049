"""How a benchmark looks at the fake cloud and steers it, under ``/control``.

``GET statistics``
    calls by service and route, in all by service, and what there is.
``POST reset``
    forget statistics, stacks, users and trusts.
``POST statistics/reset``
    forget the statistics alone.
``POST behaviour``
    set fields of :class:`world.Behaviour`; the others get their defaults.
``POST stacks``
    put stacks in.
"""

import collections

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.identity import Identity
from tools.fakecloud.orchestration import Orchestration
from tools.fakecloud.world import Behaviour, World


class Control:
    """The benchmark's own interface."""

    def __init__(self, world: World, identity: Identity, orchestration: Orchestration):
        self._world = world
        self._identity = identity
        self._orchestration = orchestration

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``control``."""
        match request.path[1:]:
            case ('statistics',):
                return Reply('', self._statistics())
            case ('statistics', 'reset'):
                self._world.calls.clear()
            case ('reset',):
                self._world.calls.clear()
                self._orchestration.stacks.clear()
                self._identity.forget()
            case ('behaviour',):
                self._world.behaviour = Behaviour(**request.document)
            case ('stacks',):
                self._orchestration.seed(request.document)
            case _:
                return Reply('', status=404)
        return Reply('', {})

    def _statistics(self) -> dict[str, object]:
        totals: collections.Counter[str] = collections.Counter()
        for call, count in self._world.calls.items():
            totals[call.partition(' ')[0]] += count
        return {
            'calls': dict(self._world.calls),
            'totals': dict(totals),
            'stacks': len(self._orchestration.stacks),
            'users': len(self._identity.users),
            'trusts': len(self._identity.trusts),
        }
