"""What users are told of nodes that boot."""

import dataclasses
import datetime
from collections.abc import Sequence

import pytest

from magnum.domain import boot

MINUTE = datetime.timedelta(minutes=1)


@dataclasses.dataclass
class Node:
    step: str | None = None
    position: int | None = None
    steps: int | None = None
    lines: Sequence[str] | None = None
    heard_at: datetime.datetime | None = None


AT_DOCKER = Node('40-docker', 5, 11)


@pytest.mark.parametrize(
    ('node', 'reason'),
    [
        (Node(), 'It failed.'),
        (Node('40-docker'), 'The step 40-docker failed.'),
        (AT_DOCKER, 'The step 40-docker failed (5 of 11).'),
        (Node('a', lines=['E: x', '', 'exit 1']), 'The step a failed: E: x | exit 1'),
        (Node('a', lines=['x' * 900]), f'The step a failed: ... {"x" * 700}'),
    ],
)
def test_a_failure(node: Node, reason: str) -> None:
    failure = boot.failed('node-0', node)
    assert (failure.code, failure.reason) == ('node_failed', reason)
    assert failure.sentence() == f'OS::Nova::Server node-0: {reason}'


@pytest.mark.parametrize(
    ('node', 'others', 'reason'),
    [
        (None, 0, 'it never registered, so it did not boot or does not reach the service.'),
        (Node(), 1, 'it registered and never reported. So is one more.'),
        (
            Node(heard_at=datetime.datetime(2026, 1, 2, 3, 4, 5)), 4,
            'it was last heard of at 2026-01-02 03:04:05 UTC, registered. So are 4 more.',
        ),
    ],
)
def test_silence(node: Node | None, others: int, reason: str) -> None:
    failure = boot.silent('node-0', node, others, 50 * MINUTE)
    assert failure.code == 'node_silent'
    assert failure.reason == f'It is not ready after 50 minutes: {reason}'


def test_progress_names_few_nodes() -> None:
    waiting = [('a', AT_DOCKER), ('b', Node()), ('c', None)]
    assert boot.progress(5, waiting) == (
        '2 of 5 nodes are ready. a: in the step 40-docker (5 of 11); b: registered; '
        'c: not heard of yet'
    )
    assert boot.progress(5, [*waiting, ('d', None)]).endswith('c: not heard of yet; ...')
