"""Answers to requests whose work goes on after them."""

from typing import Any

from magnum.api.http.request import Answer, Call
from magnum.api.views.members import Document
from magnum.db import models


def accepted(
    call: Call, uuid: str, operation: models.Operation | None, **members: Any
) -> Answer:
    """202: the thing's uuid, and where its operation is to be watched.

    :param operation: None when there is nothing to do.
    :param members: more of the document, those that are not empty.
    """
    document: Document = {'uuid': uuid, **{name: value for name, value in members.items() if value}}
    if operation is None:
        return Answer(document, 202)
    document['operation_id'] = operation.uuid
    return Answer(document, 202, operation_location(call, operation))


def operation_location(call: Call, operation: models.Operation) -> dict[str, str]:
    """The header that names the operation."""
    return {'Operation-Location': f'{call.base}/v1/operations/{operation.uuid}'}
