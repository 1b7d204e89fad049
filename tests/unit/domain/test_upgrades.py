"""Values that follow the baymodel in an upgrade."""

import pytest

from magnum.domain.upgrades import Follower

ANY = Follower()
OF_THINGS = Follower(ids={'image_id': {'debian-12': '1', '1': '1', 'debian-13': '2'}})
OF_RELEASES = Follower(release_label='kube_tag', release='v1.33.2')


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
    assert ANY.follow_labels(own, base, target) == expected


@pytest.mark.parametrize(('own', 'base', 'target', 'expected'), [
    ('v1.33.5', 'v1.33.0', 'v1.34.1', 'v1.34.1'),     # of its own
    ('v1.33.5', None, 'v1.34.1', 'v1.34.1'),
    ('v1.9.0', 'v1.8.0', 'v1.10.0', 'v1.10.0'),
    ('v1.34.1', 'v1.33.0', 'v1.33.5', 'v1.34.1'),
    ('v1.34.1', 'v1.33.0', None, 'v1.34.1'),
    (None, 'v1.33.0', 'v1.34.1', 'v1.34.1'),          # the bay left it out, and has v1.33.2
    (None, 'v1.33.0', 'v1.33.1', None),
    ('v1.34.0', 'v1.33.0', 'v1.34.0-rc.1', 'v1.34.0'),
    ('v1.34.0-rc.1', 'v1.33.0', 'v1.34.0', 'v1.34.0'),
])
def test_a_release_follows_to_a_later_one(
    own: str | None, base: str | None, target: str | None, expected: str | None
) -> None:
    def labels(release: str | None) -> dict[str, str]:
        return {} if release is None else {'kube_tag': release}

    found = OF_RELEASES.follow_labels(labels(own), labels(base), labels(target))
    assert found == labels(expected)


@pytest.mark.parametrize(('own', 'expected'), [('old', 'new'), ('mine', 'mine'), (None, None)])
def test_values_follow(own: str | None, expected: str | None) -> None:
    assert ANY.follow('image_id', own, 'old', 'new') == expected


@pytest.mark.parametrize(('own', 'base', 'target', 'expected'), [
    ('debian-12', 'debian-12', '1', 'debian-12'),
    ('debian-12', '1', 'debian-13', 'debian-13'),
    ('ubuntu', 'debian-12', 'debian-13', 'ubuntu'),
])
def test_two_names_of_one_thing(own: str, base: str, target: str, expected: str) -> None:
    assert OF_THINGS.follow('image_id', own, base, target) == expected


def test_addresses_of_name_servers_are_compared_one_by_one() -> None:
    assert ANY.is_same('dns_nameserver', '1.1.1.1,8.8.8.8', ' 1.1.1.1, 8.8.8.8')
    assert not ANY.is_same('dns_nameserver', '1.1.1.1', None)
