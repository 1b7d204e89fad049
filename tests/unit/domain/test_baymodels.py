"""Rules of baymodels."""

import pytest

from magnum.domain import baymodels


@pytest.mark.parametrize(
    ('changes', 'allowed'),
    [
        ({}, True), ({'name': 'x'}, True), ({'public': True}, True), ({'public': False}, False),
        ({'hidden': True}, True), ({'hidden': False}, True), ({'tags': 'a'}, True),
        ({'tags': None}, False), ({'name': 'x', 'tags': 'a'}, False), ({'coe': 'swarm'}, False),
    ],
)
def test_changes_while_in_use(changes: dict[str, object], allowed: bool) -> None:
    assert baymodels.may_change_while_in_use(changes) is allowed
