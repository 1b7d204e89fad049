"""Server-sent events."""

from osc_magnum.streams import Message, parse


def test_messages_are_told_from_comments() -> None:
    lines = [
        'retry: 1000', '', ': heartbeat', '', 'id: A', 'event: bay.create.accepted',
        'data: {"a": 1}', '', 'data:two', 'data:  lines', '', 'id', 'data: unfinished',
    ]
    assert list(parse(lines)) == [Message('A', '{"a": 1}'), Message('A', 'two\n lines')]
