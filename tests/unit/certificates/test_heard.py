"""Writing when nodes were heard of."""

from magnum.api.bootstrap.heard import Heard


def test_one_now_and_then_writes_all() -> None:
    now = 100.0
    heard = Heard(lambda: now)
    assert heard.add(1) == []
    assert [heard.add(node) for node in (3, 2, 3)] == [None, None, None]
    now = 101.5
    assert heard.add(3) == [2]
    assert heard.add(4) is None
    now = 200.0
    assert heard.add(5) == [4]


def test_a_write_is_of_bounded_size() -> None:
    heard = Heard(lambda: 100.0)
    sizes = [len(others) for node in range(1000) if (others := heard.add(node)) is not None]
    assert sizes == [0, 200, 200, 200, 200]
