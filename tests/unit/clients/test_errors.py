"""What services answer, in our own words."""

import json

import pytest
from heatclient import exc as heat_errors

from magnum.clients.errors import CloudRefused, CloudUnavailable, calling


def _heat_says(said: dict[str, str | None]) -> Exception:
    answer = {'code': 400, 'title': 'Bad Request', 'error': said}
    error: Exception = heat_errors.HTTPBadRequest(json.dumps(answer), 400)
    return error


def test_heat_refuses() -> None:
    refused = {'type': 'StackValidationFailed', 'message': 'no such image', 'traceback': None}
    with pytest.raises(CloudRefused, match='no such image'), calling('orchestration', 'create'):
        raise _heat_says(refused)


def test_heat_stumbles_over_itself() -> None:
    """As it answered to a second delete while it forgot the stack."""
    stumbled = {'type': 'AttributeError', 'traceback': None}
    with pytest.raises(CloudUnavailable), calling('orchestration', 'delete_stack'):
        raise _heat_says(stumbled)
