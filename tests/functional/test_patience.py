"""Work that takes longer than a token lives."""

import datetime

from tests.functional.conftest import TOKEN_LIFE, wait_until
from tests.functional.people import Person


def test_a_bay_outlives_a_token(people: dict[str, Person], patient_bay: str) -> None:
    carol = people['carol']
    bay = wait_until(lambda: carol.settled(patient_bay))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    took = _moment(bay['updated_at']) - _moment(bay['created_at'])
    assert took.total_seconds() > TOKEN_LIFE
    assert carol.magnum.delete(f'/clusters/{patient_bay}').status_code == 204
    wait_until(lambda: carol.is_gone(patient_bay))


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
