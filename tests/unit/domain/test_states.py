"""Statuses of bays and of node groups."""

import pytest

from magnum.domain import states


@pytest.mark.parametrize(('verb', 'bay', 'nodegroup'), [
    (states.CREATE, 'CREATE_COMPLETE', 'CREATE_COMPLETE'),
    (states.CREATE_NODEGROUP, 'UPDATE_COMPLETE', 'CREATE_COMPLETE'),
    (states.DELETE_NODEGROUP, 'UPDATE_COMPLETE', 'DELETE_COMPLETE'),
    (states.DELETE, 'DELETE_COMPLETE', 'DELETE_COMPLETE'),
])
def test_statuses_of_a_verb(verb: str, bay: str, nodegroup: str) -> None:
    assert states.status(verb, states.COMPLETE) == bay
    assert states.nodegroup_status(verb, states.COMPLETE) == nodegroup


@pytest.mark.parametrize(('status', 'expected'), [
    ('CREATE_FAILED', True), ('DELETE_FAILED', True), ('UPDATE_COMPLETE', False),
    ('CREATE_IN_PROGRESS', False), (None, False),
])
def test_failed_statuses(status: str | None, expected: bool) -> None:
    assert states.is_failed(status) is expected
