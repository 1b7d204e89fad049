"""Generated names of bays."""

from magnum.domain import names


def test_names() -> None:
    for _ in range(50):
        assert names.BAY_NAME.fullmatch(names.generate('bay'))
