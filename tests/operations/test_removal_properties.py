"""Whatever is asked, and whatever fails: no node goes that nobody named while a named one stays.

Sequences of resizes, retries, cancels, crashes and failures of Heat are made
up. What is to become of the nodes, this test knows by itself: it remembers
which servers each request named.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from magnum.db import models
from magnum.domain import states
from magnum.domain.stack_names import short_id
from magnum.operations.accept.errors import NotCancellable, NotRetryable, OperationInProgress
from tests.operations.conftest import Killed, World

_POINTS = tuple(
    f'{when}:orchestration.{call}'
    for when in ('before', 'after')
    for call in ('get_stack', 'get_output', 'list_resources', 'update_stack', 'cancel_stack')
)
#: A node among those that are there, by its place; by its index or its server.
_NAME = st.tuples(st.integers(0, 7), st.booleans())
_STEPS = st.one_of(
    st.tuples(st.just('resize'), st.integers(0, 5), st.lists(_NAME, max_size=3)),
    st.tuples(st.just('retry')),
    st.tuples(st.just('cancel')),
    st.tuples(st.just('work'), st.none() | st.sampled_from(_POINTS)),
    st.tuples(
        st.just('settle'), st.sampled_from(['COMPLETE', 'FAILED']),
        st.sampled_from(['nothing', 'named', 'nodes']),
    ),
    st.tuples(st.just('overdue')),
    st.tuples(st.just('build')),
)
_FIRST, _SECOND = ('resize', 3, [(0, False)]), ('resize', 2, [(1, False)])
_WORK, _FAIL = ('work', None), ('settle', 'FAILED', 'nothing')


@dataclasses.dataclass
class Story:
    """One bay, and what this test remembers of it."""

    world: World
    uuid: str
    die_at: Callable[[str], None]
    #: Servers that were named, by the operation that is to remove them.
    named: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    #: What each operation is to make the count.
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    #: Servers that did not come up.
    lost: set[str] = dataclasses.field(default_factory=set)
    log: list[Any] = dataclasses.field(default_factory=list)

    @property
    def nodes(self) -> dict[str, str]:
        return dict(self.world.stack(short_id(self.uuid))['nodes'])

    @property
    def last(self) -> models.Operation:
        return self.world.operations(self.uuid)[-1]

    def resize(self, count: int, places: list[tuple[int, bool]]) -> None:
        nodes = sorted(self.nodes.items())
        chosen = [(nodes[place], by_index) for place, by_index in places if place < len(nodes)]
        names = tuple(index if by_index else server for (index, server), by_index in chosen)
        try:
            made = self.world.ask('resize', self.uuid, count, nodes_to_remove=names)
        except OperationInProgress:
            return
        if made is not None:
            self.named.setdefault(made.uuid, set()).update(server for (_, server), _ in chosen)
            self.counts[made.uuid] = count

    def retry(self) -> None:
        failed = self.last
        try:
            made = self.world.about('retry', failed)
        except (NotRetryable, OperationInProgress):
            return
        self.named[made.uuid] = set(self.named[failed.uuid])
        self.counts[made.uuid] = self.counts[failed.uuid]

    def cancel(self) -> None:
        try:
            self.world.about('cancel', self.last)
        except NotCancellable:
            return

    def work(self, point: str | None) -> None:
        """A worker does what there is, or dies on the way and is buried."""
        self.world.pass_time(30)
        worker = self.world.worker('living')
        worker.watch()
        if point is not None:
            self.die_at(point)
        try:
            worker.turn()
        except Killed:
            self.world.pass_time(200)
        finally:
            self.die_at(None)  # type: ignore[arg-type]

    def overdue(self) -> None:
        """Nobody was there until the deadline."""
        self.world.pass_time(4000)

    def settle(self, outcome: str, far: str) -> None:
        """Heat ends what it is at, and each node that went had to go."""
        before, doing = self.nodes, self.world.stack(short_id(self.uuid))['status']
        self.world.cloud.fails_after = far
        self.world.cloud.settle(outcome, 'No valid host was found')
        stack, after = self.world.stack(short_id(self.uuid)), self.nodes
        self.lost &= set(after.values())
        if stack['status'].endswith('FAILED'):
            self.lost |= set(after.values()) - set(before.values())
        elif doing.endswith('IN_PROGRESS'):
            self.lost.clear()
        gone = set(before.values()) - set(after.values())
        ever_named = set().union(*self.named.values())
        if gone - ever_named - self.lost:
            staying = self.in_force() & set(after.values())
            assert not staying, f'{gone} went, {staying} were named and stay'

    def in_force(self) -> set[str]:
        """What was named by the resize that asked Heat last, and by failed ones before it."""
        operations = [
            operation for operation in self.world.operations(self.uuid)
            if operation.uuid in self.named
        ]
        asked = [one for one in operations if one.stack_action is not None][-1:]
        named = set().union(*(self.named[one.uuid] for one in asked))
        for earlier in reversed([one for one in operations if asked and one.id < asked[0].id]):
            if earlier.state == states.SUCCEEDED:
                break
            if earlier.state == states.OPERATION_FAILED:
                named |= self.named[earlier.uuid]
        return named

    def build(self) -> None:
        for _ in range(20):
            if all(one.state in states.ENDED for one in self.world.operations(self.uuid)):
                break
            self.work(None)
            self.settle('COMPLETE', 'nothing')
        self.check()

    def check(self) -> None:
        """What succeeded is done: the count is the last one, and no named node is left."""
        operation, count = self.last, self.world.nodegroup_of(self.uuid).node_count
        assert operation.state in states.ENDED
        assert count == self.world.stack(short_id(self.uuid))['parameters']['number_of_minions']
        if operation.state == states.SUCCEEDED and operation.uuid in self.named:
            assert len(self.nodes) == count == self.counts[operation.uuid]
            assert not self.named[operation.uuid] & set(self.nodes.values())


@hypothesis.settings(
    max_examples=15,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture,
                           hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(steps=st.lists(_STEPS, min_size=2, max_size=12))
# Two that wait; one that fails and another; one that is cancelled and another;
# one that dies, with one that is cancelled while it waits.
@hypothesis.example(steps=[_FIRST, _SECOND])
@hypothesis.example(steps=[_FIRST, _WORK, _FAIL, _WORK, ('resize', 3, [])])
@hypothesis.example(steps=[_FIRST, _WORK, ('cancel',), _WORK, _FAIL, _SECOND])
@hypothesis.example(steps=[
    _FIRST, ('work', 'before:orchestration.get_stack'), _SECOND, ('cancel',),
])
def test_named_nodes_go_first(
    world: World, die_at: Callable[[str], None], steps: list[tuple[Any, ...]]
) -> None:
    uuid = world.create(name='bay')
    world.build(uuid)
    story = Story(world, uuid, die_at)
    story.resize(4, [])
    story.build()
    for step in steps:
        story.log.append(step)
        getattr(story, step[0])(*step[1:])
    story.build()
    # A failed bay is not stuck: the next resize reaches what it asks for.
    story.resize(2, [(0, True)])
    story.build()
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    world.ask('delete', uuid)
    world.build(uuid)


# Whole lives of bays, as many as hypothesis wants.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
