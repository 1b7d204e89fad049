"""Quotas."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import QUOTAS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types import quotas as types
from magnum.api.types.fields import Shown
from magnum.api.types.schemas import Schema

_TAG: Final = QUOTAS.collection
_OF_A_ROW: Final = ('id', 'created_at', 'updated_at')
_ONE: Final = bodies.document(types.TYPE, Shown.IN_FULL)
_REQUEST: Final = bodies.request(types.TYPE)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'QuotaRequest': {
        **_REQUEST,
        'properties': {
            **_REQUEST['properties'],
            'project_id': {'type': 'string', 'minLength': 1, 'maxLength': 255},
        },
        'required': ['project_id'],
    },
    # Not a JSON patch; what names the quota is taken from the path.
    'QuotaChange': bodies.request(types.CHANGE),
    'Quota': _ONE,
    # The operator's default has no row.
    'QuotaInForce': {
        **_ONE, 'required': [name for name in _ONE['required'] if name not in _OF_A_ROW],
    },
    'QuotaList': bodies.listing(QUOTAS.collection, bodies.ref('Quota')),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'quotas.list': Operation(_TAG, 'List the quotas that are set', (Reply(200, 'QuotaList'),)),
    'quotas.create': Operation(
        _TAG, 'Set the quota of a project', (Reply(201, 'Quota', ('Idempotency-Replayed?',)),),
        'QuotaRequest',
    ),
    'quotas.get': Operation(_TAG, 'Show the quota of a project', (Reply(200, 'QuotaInForce'),)),
    'quotas.get_without_resource': Operation(
        _TAG, 'Refused: a quota is named with its resource', ()
    ),
    'quotas.update': Operation(
        _TAG, 'Change the quota of a project', (Reply(202, 'Quota'),), 'QuotaChange'
    ),
    'quotas.delete': Operation(_TAG, 'Drop the quota of a project', (Reply(204),)),
}
