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


@pytest.mark.parametrize(('asked', 'stored'), [
    (None, 'overlay2'), ('overlay2', 'overlay2'), ('btrfs', 'btrfs'),
    ('devicemapper', 'overlay2'), ('overlay', 'overlay2'),
])
def test_retired_storage_drivers(
    asked: str | None, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert baymodels.storage_driver(asked) == stored
    warned = [f'docker_storage_driver "{asked}" is retired; "overlay2" is used instead.']
    assert caplog.messages == (warned if asked not in (None, stored) else [])
