"""Masters get another key to encrypt with while the bay goes on, and all read everything."""

import contextlib
import datetime
import itertools
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from magnum.db import models
from tests.fakes.driver import FakeDriver
from tests.fakes.nodes import FakeNode, SigningNode
from tests.operations import test_authority
from tests.operations.conftest import Killed, World, error_of, mortal_claims
from tests.operations.test_new_masters import count

pytestmark = pytest.mark.slow

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
KEPT, REPLACED = (f'bay.rotate_ca.encryption_key_{what}' for what in ('kept', 'replaced'))


class Master(SigningNode):
    """Takes keys over with authorities, as it does on its machine."""

    keys: tuple[str, ...] = ()

    def follow(self) -> bool:
        followed = super().follow()
        if followed:
            self.take_keys()
        return followed

    def take_keys(self) -> None:
        with self.service.database.reading() as session:
            text = self.service.certificates.encryption_key(session, self.bay_uuid) or ''
        self.keys = tuple(line.split()[-1] for line in text.splitlines())


class Bay(test_authority.Bay):
    """A bay whose masters say that they can take other keys over, and that they work.

    :ivar written: keys by which there is something in etcd.
    :ivar phases: what the service has had, the key that writes first.
    """

    def __init__(self, world: World, masters: int = 1):
        super().__init__(world)
        count(world, masters)
        stem = self.master.name.removesuffix('0')
        self.masters = [
            Master(self.service, self.uuid, f'{stem}{index}', 'master') for index in range(masters)
        ]
        self.nodes[:1] = self.masters
        for master in self.masters:
            master.take_keys()
        self.written: set[str] = set()
        self.phases: list[tuple[str, ...]] = []
        self.look()
        with world.database.writing() as session:
            session.execute(
                sa.update(models.Node).where(models.Node.role == 'master').values(
                    versions={'encryption-key': 'bay'}, state='ready',
                    heard_at=sa.func.now(), is_silent=False,
                )
            )

    def keys(self) -> tuple[str, ...]:
        with self.world.database.reading() as session:
            text = self.world.tools.certificates.encryption_key(session, self.uuid) or ''
        return tuple(line.split()[-1] for line in text.splitlines())

    def look(self) -> None:
        """Every master writes, and reads all that there is; so would one that registers now.

        Nodes accept each other.
        """
        self.written |= {master.keys[0] for master in self.masters}
        now = self.keys()
        if self.phases[-1:] != [now]:
            self.phases.append(now)
        for keys in (now, *(master.keys for master in self.masters)):
            assert self.written <= {*keys}
        assert all(now[0] in master.keys for master in self.masters)
        assert all(a.accepts(b) for a, b in itertools.permutations(self.nodes, 2))

    def turn(self) -> None:
        super().turn()
        self.look()

    def go_on(self, *followers: FakeNode, turns: int = 10) -> None:
        for _ in range(turns):
            self.turn()
            for node in followers:
                node.follow()
                self.look()

    def told(self) -> list[models.Directive]:
        """What masters are told and have not done."""
        return self.world.rows(models.Directive, verb='reencrypt', outcome=None)

    def rewrite(self, outcome: str = 'done') -> None:
        """The master that is told has written everything anew, or has failed."""
        (given,) = self.told()
        assert list(given.parameters) == ['seconds']
        (master,) = (one for one in self.masters if one.name == given.node)
        if outcome == 'done':
            self.written = {master.keys[0]}
        with self.world.database.writing() as session:
            session.execute(sa.update(models.Directive).filter_by(uuid=given.uuid).values(
                outcome=outcome, lines=['secret default/one: status 403']
            ))

    def finish(self) -> None:
        """To the end of the rotation."""
        for _ in range(8):
            self.go_on(*self.nodes, turns=2)
            if self.told():
                self.rewrite()
        assert self.operation.state == 'SUCCEEDED', self.operation.error

    def events(self) -> list[str]:
        return [
            event.kind for event in self.world.rows(models.Event, bay_uuid=self.uuid)
            if event.kind in (KEPT, REPLACED)
        ]


def fail(bay: Bay) -> None:
    bay.world.pass_time(4000)
    bay.turn()
    assert bay.operation.state == 'FAILED'


def be_silent(bay: Bay) -> None:
    """The master that is told does not say that it is done."""
    with bay.world.database.writing() as session:
        session.execute(sa.update(models.Directive).values(created_at=LONG_AGO))
    bay.turn()
    assert bay.operation.state == 'FAILED'
    assert error_of(bay.operation)['code'] == 'node_silent'


def cancel(bay: Bay) -> None:
    bay.world.about('cancel', bay.operation)
    bay.turn()
    assert bay.operation.state == 'CANCELLED'


@pytest.fixture
def bay(world: World) -> Bay:
    return Bay(world)


def whole(phases: list[tuple[str, ...]], rotations: int = 1) -> bool:
    """Whether nothing was left out: all read by the next key before any writes by it."""
    old, rest = phases[0][0], phases[1:]
    assert len(rest) == 3 * rotations
    while rest:
        introduced, switched, retired, *rest = rest
        new = introduced[-1]
        assert (introduced, switched, retired) == ((old, new), (new, old), (new,))
        old = new
    return True


@pytest.mark.parametrize('masters', [1, 3])
def test_masters_get_another_key(world: World, masters: int) -> None:
    bay = Bay(world, masters)
    bay.rotate()
    bay.go_on(*bay.nodes, turns=6)
    assert len(bay.keys()) == 2, 'until everything is written anew'
    assert len(bay.told()) == 1, 'by one of them for all'
    assert bay.operation.state == 'QUEUED'
    bay.finish()
    assert whole(bay.phases)
    assert bay.events() == [REPLACED]
    assert not any(
        key in str([vars(row) for row in world.rows(table)])
        for keys in bay.phases for key in keys
        for table in (models.Event, models.Directive, models.Operation)
    )


def test_three_masters_follow_one_after_the_other(world: World) -> None:
    """Nothing is switched before the last of them has followed."""
    bay = Bay(world, 3)
    *workers, = (node for node in bay.nodes if node not in bay.masters)
    bay.rotate()
    for phase in (2, 3):
        for master in bay.masters:
            bay.go_on(*workers, turns=2)
            assert len(bay.phases) == phase
            assert bay.told() == []
            master.follow()
    bay.go_on(*workers, turns=2)
    bay.rewrite()
    bay.finish()
    assert whole(bay.phases)


def test_one_of_three_that_cannot_keeps_all_from_it(world: World) -> None:
    bay = Bay(world, 3)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).filter_by(name=bay.masters[1].name).values(versions={})
        )
    bay.rotate()
    bay.finish()
    assert len(bay.phases) == 1
    assert bay.events() == [KEPT]
    (event,) = (row for row in world.rows(models.Event) if row.kind == KEPT)
    assert bay.masters[1].name in event.message
    assert bay.masters[0].name not in event.message


def test_another_of_three_writes_when_one_does_not_work(world: World) -> None:
    bay = Bay(world, 3)
    bay.rotate()
    first, second, _ = (master.name for master in bay.masters)
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).filter_by(name=first).values(is_silent=True))
    bay.go_on(*bay.nodes, turns=6)
    (given,) = bay.told()
    assert given.node == second


@pytest.mark.parametrize('is_able', [True, False])
@pytest.mark.parametrize(('is_own', 'what'), [
    (True, "the key of service accounts (secrets as the bay's own configuration says)"),
    (False, 'all secrets, and the key of service accounts'),
])
def test_events_say_what_is_encrypted_by_the_key(
    bay: Bay, monkeypatch: pytest.MonkeyPatch, is_own: bool, what: str, is_able: bool
) -> None:
    """Where users configure the encryption of secrets the key is not for them."""
    monkeypatch.setattr(FakeDriver, 'encrypts_secrets', lambda driver, labels: not is_own)
    if not is_able:
        with bay.world.database.writing() as session:
            session.execute(sa.update(models.Node).values(versions={}))
    bay.rotate()
    bay.finish()
    (event,) = (row for row in bay.world.rows(models.Event) if row.kind in (KEPT, REPLACED))
    assert event.kind == (REPLACED if is_able else KEPT)
    assert f': {what}' in event.message


def test_the_former_key_stays_until_a_retry_has_written_everything(bay: Bay) -> None:
    bay.rotate()
    bay.go_on(*bay.nodes, turns=6)
    bay.rewrite('failed')
    bay.turn()
    assert bay.operation.state == 'FAILED'
    assert 'default/one' in error_of(bay.operation)['reason']
    assert len(bay.keys()) == 2
    bay.world.about('retry', bay.operation)
    bay.go_on(*bay.nodes, turns=4)
    assert len(bay.keys()) == 2
    bay.finish()
    assert whole(bay.phases)


@pytest.mark.parametrize(('followed', 'end', 'again'), [
    (0, cancel, 'retry'), (2, fail, 'rotate'), (3, cancel, 'rotate'), (5, fail, 'retry'),
])
def test_one_that_ends_early_is_continued_and_another_follows(
    world: World, followed: int, end: Callable[[Bay], None], again: str
) -> None:
    """After so many times that a master has followed, three in each phase."""
    bay = Bay(world, 3)
    *workers, = (node for node in bay.nodes if node not in bay.masters)
    bay.rotate()
    for number in range(followed):
        bay.go_on(*workers, turns=2)
        bay.masters[number % 3].follow()
        bay.look()
    bay.go_on(*workers, turns=2)
    end(bay)
    bay.look()
    if again == 'retry':
        world.about('retry', bay.operation)
    else:
        bay.rotate()
    bay.finish()
    assert whole(bay.phases)
    bay.rotate()
    bay.finish()
    assert whole(bay.phases, rotations=2)
    assert bay.events() == [REPLACED, REPLACED]


@pytest.mark.parametrize('end', [be_silent, cancel])
def test_one_that_ends_while_all_is_written_anew(bay: Bay, end: Callable[[Bay], None]) -> None:
    """Nobody waits for what that master says; another is told."""
    bay.rotate()
    bay.go_on(*bay.nodes, turns=6)
    (given,) = bay.told()
    end(bay)
    assert len(bay.keys()) == 2
    bay.rotate()
    bay.go_on(*bay.nodes, turns=6)
    assert len(bay.keys()) == 2
    (other,) = (one for one in bay.told() if one.uuid != given.uuid)
    with bay.world.database.writing() as session:
        session.execute(sa.delete(models.Directive).filter_by(uuid=given.uuid))
    assert other.operation_uuid == bay.operation.uuid
    bay.finish()
    assert whole(bay.phases)


#: Transactions of a rotation with keys that only its worker's claim opens.
TRANSACTIONS = 46


@pytest.mark.parametrize('position', range(1, TRANSACTIONS + 1, 5))
def test_a_conductor_dies_anywhere(
    bay: Bay, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any of its transactions; nodes accept each other, no key is lost, no phase left out."""
    bay.rotate()
    doomed = bay.world.worker('doomed')
    transactions = mortal_claims(doomed.claims, position, monkeypatch)
    with contextlib.suppress(Killed):
        for _ in range(8):
            doomed.turn()
            bay.look()
            bay.world.pass_time(11)
            for node in bay.nodes:
                node.follow()
            bay.look()
            if bay.told():
                bay.rewrite()
    assert next(transactions) == position + 1, 'it has died'
    bay.look()
    bay.world.pass_time(121)
    bay.finish()
    assert whole(bay.phases)
    assert len(bay.trusted()) == 1
    assert len(bay.world.rows(models.Directive, verb='reencrypt')) == 1
    assert bay.events() == [REPLACED]
