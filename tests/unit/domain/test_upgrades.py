"""Values that follow the baymodel in an upgrade."""

import pytest

from magnum.domain.upgrades import follow, follow_labels


@pytest.mark.parametrize(
    ('own', 'base', 'target', 'expected'),
    [
        ({'a': '1'}, {'a': '1'}, {'a': '2', 'b': '1'}, {'a': '2', 'b': '1'}),
        ({'a': '9'}, {'a': '1'}, {'a': '2', 'b': '1'}, {'a': '9', 'b': '1'}),
        ({'a': '1', 'c': '3'}, {'a': '1'}, {}, {'c': '3'}),
        ({'c': '3'}, {'a': '1'}, {'a': '2', 'b': '1'}, {'c': '3'}),
        ({}, {}, {'b': '1'}, {'b': '1'}),
    ],
)
def test_labels_follow(own: dict, base: dict, target: dict, expected: dict) -> None:  # type: ignore[type-arg]
    assert follow_labels(own, base, target) == expected


@pytest.mark.parametrize(('own', 'expected'), [('old', 'new'), ('mine', 'mine'), (None, None)])
def test_values_follow(own: str | None, expected: str | None) -> None:
    assert follow(own, 'old', 'new') == expected
