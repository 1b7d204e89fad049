"""What the services share: how they behave, statistics, the catalogue."""

import collections
import dataclasses
import functools
import uuid
from typing import Any, Final

REGION: Final = 'RegionOne'
#: Service type: what follows it in the URL of an endpoint.
_ENDPOINTS: Final = {
    'identity': '',
    'orchestration': '/v1/{project}',
    'compute': '/v2.1',
    'network': '',
    'image': '',
    'block-storage': '/v3',
    'key-manager': '',
}
_NAMESPACE: Final = uuid.UUID('6f6f6f6f-1111-4222-8333-444444444444')


@dataclasses.dataclass
class Behaviour:
    """What tests and benchmarks change while the cloud runs.

    :ivar stack_delay: seconds until a stack is complete.
    :ivar latency: seconds added to every reply, by service.
    :ivar down: services that answer 503.
    :ivar forbidden: services that answer 403.
    """

    stack_delay: float = 0.0
    latency: dict[str, float] = dataclasses.field(default_factory=dict)
    down: set[str] = dataclasses.field(default_factory=set)
    forbidden: set[str] = dataclasses.field(default_factory=set)


class World:
    """State of the whole cloud.

    :param base: URL of this server.
    :param magnum: URL of the service under test, for the catalogue.
    :ivar unserved: further services of the catalogue, which answer 404.
    """

    def __init__(self, base: str, magnum: str):
        self.base = base
        self._magnum = magnum
        self.behaviour = Behaviour()
        self.unserved: set[str] = set()
        self.calls: collections.Counter[str] = collections.Counter()

    @functools.lru_cache(maxsize=10_000)  # noqa: B019 - there is one world
    def catalogue(self, project: str) -> list[dict[str, Any]]:
        """The catalogue in tokens of a project."""
        urls = {
            service: f'{self.base}/{service}' + path.format(project=project)
            for service, path in {**_ENDPOINTS, **dict.fromkeys(self.unserved, '')}.items()
        }
        urls['volumev3'] = urls['block-storage']
        urls['container-infra'] = f'{self._magnum}/v1'
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


def matching(items: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Those that have one of the values asked for, of each member that they have."""
    wanted = {name: {value.lower() for value in values} for name, values in query.items()}
    return [
        item for item in items
        if all(str(item[name]).lower() in wanted[name] for name in wanted if name in item)
    ]
