"""Labels: what is read, compared and inherited."""

from magnum.domain import labels


def test_labels_compared() -> None:
    found = labels.compare({'a': '1', 'b': 'x'}, {'b': 'y', 'c': '2'})
    assert (found.overridden, found.added, found.skipped) == ({'b': 'y'}, {'a': '1'}, {'c': '2'})


def test_labels_inherited() -> None:
    base = {'a': '1'}
    assert labels.inherit(None, base, merge=False) == base
    assert labels.inherit({'b': '2'}, base, merge=False) == {'b': '2'}
    assert labels.inherit({'b': '2'}, base, merge=True) == {'a': '1', 'b': '2'}
