"""Bodies of error answers."""

import http
import json
from typing import Any

from magnum.api.errors import APIError


def of(error: APIError, request_id: str, for_old_clients: bool) -> bytes:
    """The JSON body of an error answer.

    :param for_old_clients: also write ``error_message``, a JSON text within
        the JSON, which is all that clients of before microversions read.
    """
    if error.document is not None:
        return json.dumps(error.document).encode()
    status = error.kind.status
    # Whole, as the command line clients of since 2016 print nothing else.
    title = error.detail.removesuffix('.') or http.HTTPStatus(status).phrase
    document: dict[str, Any] = {
        'errors': [
            {
                'request_id': request_id,
                'code': error.kind.code,
                'status': status,
                'title': title,
                'detail': error.detail,
                'links': [],
                **({'source': error.source} if error.source else {}),
            }
        ]
    }
    if for_old_clients:
        document |= old_words(status, error.detail or title)
    return json.dumps(document).encode()


def old_words(status: int, text: str) -> dict[str, str]:
    """What clients of before microversions read of an error body."""
    told = {
        'debuginfo': None,
        'faultcode': 'Client' if status < 500 else 'Server',
        'faultstring': text,
    }
    return {'error_message': json.dumps(told)}
