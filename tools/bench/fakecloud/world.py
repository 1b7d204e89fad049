"""What the services of the fake cloud share: settings, statistics, the catalogue."""

import collections
import dataclasses
import functools
import uuid
from typing import Any, Final

REGION: Final = 'RegionOne'
_NAMESPACE: Final = uuid.UUID('6f6f6f6f-1111-4222-8333-444444444444')


@dataclasses.dataclass
class Behaviour:
    """What benchmarks change while the cloud runs; see :mod:`control`.

    :ivar heat_delay: seconds until a stack is complete.
    :ivar latency: seconds added to every reply, by service.
    """

    heat_delay: float = 0.0
    latency: dict[str, float] = dataclasses.field(default_factory=dict)


class World:
    """State of the whole cloud.

    :param base: URL of this server.
    :param magnum: URL of the service under test, for the catalogue.
    """

    def __init__(self, base: str, magnum: str):
        self.base = base
        self._magnum = magnum
        self.behaviour = Behaviour()
        self.calls: collections.Counter[str] = collections.Counter()

    @functools.lru_cache(maxsize=10_000)  # noqa: B019 - there is one world
    def catalogue(self, project: str) -> list[dict[str, Any]]:
        """The catalogue in tokens of a project."""
        urls = {
            'identity': f'{self.base}/identity',
            'orchestration': f'{self.base}/heat/v1/{project}',
            'compute': f'{self.base}/nova/v2.1',
            'network': f'{self.base}/neutron',
            'image': f'{self.base}/glance',
            'block-storage': f'{self.base}/cinder/v3',
            'volumev3': f'{self.base}/cinder/v3',
            'key-manager': f'{self.base}/barbican',
            'container-infra': f'{self._magnum}/v1',
        }
        return [
            {
                'type': service,
                'name': service,
                'id': derived_id(service),
                'endpoints': [
                    {
                        'id': derived_id(service + interface),
                        'interface': interface,
                        'region': REGION,
                        'region_id': REGION,
                        'url': url,
                    }
                    for interface in ('public', 'internal', 'admin')
                ],
            }
            for service, url in urls.items()
        ]


def derived_id(name: str) -> str:
    """An id that is the same in every run."""
    return uuid.uuid5(_NAMESPACE, name).hex


def version(identifier: str, url: str, **more: str) -> dict[str, Any]:
    """An entry of version discovery."""
    links = [{'rel': 'self', 'href': url}]
    return {'id': identifier, 'status': 'CURRENT', 'links': links, **more}
