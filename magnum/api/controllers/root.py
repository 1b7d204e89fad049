"""Discovery of versions and of the whole API; nobody needs a token for it."""

from typing import Any, Final

import orjson

from magnum.api import versions
from magnum.api.http.request import Answer, Call
from magnum.api.services import Services

#: Where the API describes itself.
DESCRIPTION: Final = '/v1/openapi.json'

_MEDIA_TYPE: Final = 'application/vnd.openstack.magnum.v1+json'
_DESCRIPTION_TYPE: Final = 'application/vnd.oai.openapi+json;version=3.1'
_DESCRIPTION: Final = (
    'Magnum is an OpenStack service that builds Kubernetes, Swarm and Mesos bays from plain '
    'OpenStack parts.'
)
_DOCUMENTATION: Final = 'http://docs.openstack.org/developer/magnum/dev/api-spec-v1.html'


class RootController:
    """``/``, ``/v1`` and the document below it."""

    def __init__(self, services: Services):
        self._collections = services.collections
        self._describe = services.describe

    def versions(self, call: Call) -> Answer:
        """The API versions there are: one."""
        version = {
            'id': 'v1',
            'links': [{'href': f'{call.base}/v1/', 'rel': 'self'}],
            'status': 'CURRENT',
            'max_version': versions.text(versions.MAXIMUM),
            'min_version': versions.text(versions.MINIMUM),
        }
        return Answer(
            {
                'name': 'OpenStack Magnum API',
                'description': _DESCRIPTION,
                'versions': [version],
                # Clients of 2016 look for this one.
                'default_version': version,
            }
        )

    def version(self, call: Call) -> Answer:
        """The version and its collections."""
        document: dict[str, Any] = {
            'id': 'v1',
            'media_types': [{'base': 'application/json', 'type': _MEDIA_TYPE}],
            'links': [
                {'href': f'{call.base}/v1/', 'rel': 'self'},
                {'href': _DOCUMENTATION, 'rel': 'describedby', 'type': 'text/html'},
                {
                    'href': f'{call.base}{DESCRIPTION}',
                    'rel': 'service-desc',
                    'type': _DESCRIPTION_TYPE,
                },
            ],
        }
        for name, place in self._collections.items():
            document[name] = [
                {'href': f'{call.base}/v1/{place}/', 'rel': 'self'},
                {'href': f'{call.base}/{place}/', 'rel': 'bookmark'},
            ]
        return Answer(document)

    def openapi(self, call: Call) -> Answer:
        """The OpenAPI document: every route, field, error and policy rule."""
        text, etag = self._describe(call.base)
        return Answer(orjson.Fragment(text), headers={'ETag': etag})
