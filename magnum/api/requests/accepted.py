"""Answers to requests whose work goes on after them."""

from collections.abc import Mapping
from typing import Any

from magnum.api.http.request import Answer, Call
from magnum.api.views.members import Document
from magnum.db import models


def accepted(
    call: Call,
    uuid: str,
    operation: models.Operation | None,
    kept: Mapping[str, Any] | None = None,
) -> Answer:
    """202: the thing's uuid, and where its operation is to be watched.

    :param operation: None when there is nothing to do.
    :param kept: what an upgrade leaves as it is, by attribute.
    """
    document: Document = {'uuid': uuid, **of_kept(kept)}
    if operation is None:
        return Answer(document, 202)
    document['operation_id'] = operation.uuid
    return Answer(document, 202, operation_location(call, operation))


def of_kept(kept: Mapping[str, Any] | None) -> Document:
    """The member that says what an upgrade keeps; none where it keeps nothing."""
    return {'kept': kept} if kept else {}


def operation_location(call: Call, operation: models.Operation) -> dict[str, str]:
    """The header that names the operation."""
    return {'Operation-Location': f'{call.base}/v1/operations/{operation.uuid}'}
