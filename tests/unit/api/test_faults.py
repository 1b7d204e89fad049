"""Unexpected exceptions as clients see them."""

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc

from magnum.api.http import faults
from magnum.certificates.errors import SealingError
from magnum.db.commits import OutcomeUnknown

SECRET = 'INSERT INTO bay VALUES (secret)'


@pytest.mark.parametrize(
    ('error', 'status', 'code', 'is_repeated'),
    [
        (db_exc.DBConnectionError(SECRET), 503, 'magnum.database_unavailable', True),
        (sa.exc.TimeoutError(SECRET), 503, 'magnum.database_unavailable', True),
        (db_exc.DBDeadlock(SECRET), 503, 'magnum.database_unavailable', True),
        (OutcomeUnknown(SECRET), 504, 'magnum.outcome_unknown', False),
        (SealingError('The seal is broken.'), 500, 'magnum.seal_broken', False),
        (db_exc.DBDuplicateEntry(), 500, 'magnum.internal', False),
        (KeyError(SECRET), 500, 'magnum.internal', False),
    ],
)
def test_what_is_told(error: Exception, status: int, code: str, is_repeated: bool) -> None:
    answer = faults.told(error, 'req-1: a request cannot be served.')
    assert (answer.kind.status, answer.kind.code) == (status, code)
    assert ('Retry-After' in answer.headers) == is_repeated
    assert SECRET not in answer.detail
