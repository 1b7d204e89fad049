"""A bay's whole life, with the database's connection broken at each COMMIT of workers."""

import difflib
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.conductor import report
from magnum.db import models
from magnum.domain import states
from tests import databases
from tests.fakes.lossy_database import Loss, LossyDatabase
from tests.fakes.nodes import Bootstrap, FakeNode, SigningNode
from tests.operations.conftest import World, open_world

#: What is lost, from which COMMIT on, and each which. After a lost answer two
#: COMMITs belong to the question what became of it, and one gets through; after
#: a lost COMMIT a whole step may begin anew.
LOSSES = [
    (Loss.ANSWER, 1, 4), (Loss.ANSWER, 2, 4),
    (Loss.COMMIT, 1, 11), (Loss.COMMIT, 4, 11), (Loss.COMMIT, 8, 11),
]


@pytest.fixture
def lossy(tmp_path: pathlib.Path) -> Iterator[LossyDatabase]:
    proxy = LossyDatabase(databases.url(tmp_path))
    yield proxy
    proxy.stop()


@pytest.fixture
def lossy_world(
    lossy: LossyDatabase, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with open_world(lossy.url) as world, open_world(databases.url(tmp_path)) as direct:
        # What only a test does is not what is tested.
        monkeypatch.setattr(world, 'pass_time', direct.pass_time)
        yield world


def live(world: World) -> list[str]:
    """Everything that workers do to a bay; what it comes to, step by step."""
    told = []

    def done(uuid: str) -> None:
        world.build(uuid)
        told.append(_comparable(world))

    uuid = world.create()
    done(uuid)
    world.ask('resize', uuid, 3)
    done(uuid)
    failing = world.ask('resize', uuid, 5)
    assert failing is not None
    world.fail()
    told.append(_comparable(world))
    world.about('retry', failing)
    done(uuid)
    stopped = world.ask('resize', uuid, 2)
    assert stopped is not None
    worker = world.worker()
    claims = worker.claims.claim(10)
    worker.claims.renew_all()
    for claim in claims:
        worker.runner.run(claim)
    world.about('cancel', stopped)
    done(uuid)
    report.seen(world.database, 'host')
    report.seen(world.database, 'host')
    world.ask('delete', uuid)
    done(uuid)
    assert not world.has_bay(uuid)
    assert [one.state for one in world.operations(uuid)] == [
        states.SUCCEEDED, states.SUCCEEDED, states.OPERATION_FAILED, states.SUCCEEDED,
        states.CANCELLED, states.SUCCEEDED,
    ]
    return told


#: What no two lives have in common.
_MASKED = re.compile(
    r'-----BEGIN .+?-----END [A-Z ]+-----|\d{4}-\d\d-\d\d[T ][\d:.+Z]*|[0-9a-f]{32,}'
    r'|\\?"id\\?": \d+|"(salt|sealed_[a-z_]+)": "[^"]*"|"minutes": \d+'
    # Not the end of a uuid.
    r'|(?<![0-9a-f])b-[a-z2-7]{12}|"[\w-]{43}"'
)
#: Rises again when a step begins anew that had stored what it found.
_GENERATION = re.compile(r'"generation": \d+')
_UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def _comparable(world: World) -> str:
    """All rows, and what there is in the cloud, with numbers in the place of ids."""
    rows: dict[str, Any] = {}
    with world.database.reading() as session:
        for table in models.Base.metadata.sorted_tables:
            if table is not models.COMMIT_RECORD:
                found = session.execute(
                    sa.select(table).order_by(*(table.c[name] for name in _order(table.name)))
                )
                rows[table.name] = [dict(row) for row in found.mappings()]
    parts = (rows, list(world.cloud.stacks.values()), len(world.cloud.users))
    return _without_ids(json.dumps(parts, indent=1, sort_keys=True, default=str))


def _order(table: str) -> tuple[str, ...]:
    """Columns to sort a table's rows by: steps that run side by side insert theirs in any order."""
    return {
        'operation_step': ('position', 'id'), 'ledger_entry': ('kind', 'id'),
    }.get(table, ('id',))


def _without_ids(text: str) -> str:
    known: dict[str, str] = {}
    return _UUID.sub(
        lambda found: known.setdefault(found[0], f'<{len(known)}>'), _MASKED.sub('*', text)
    )


def test_a_uuid_is_not_taken_for_the_name_of_a_stack() -> None:
    text = '"00000000-0000-4000-8000-aaaaaaaaaaaa", "b-aaaaaaaaaaaa-node-0", "{}"'
    like_a_name = '00000000-0000-4000-800b-aaaaaaaaaaaa'
    assert _without_ids(text.format(like_a_name)) == '"<0>", "*-node-0", "<1>"'


@pytest.fixture(scope='module')
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """A life that loses nothing, and its calls to the cloud."""
    with open_world(databases.url(tmp_path_factory.mktemp('usual'))) as world:
        return live(world), world.cloud.calls


@pytest.mark.parametrize(('loss', 'first', 'every'), LOSSES)
def test_a_life_that_loses_commits_is_as_any_other(
    lossy_world: World, lossy: LossyDatabase, usual: tuple[list[str], list[str]],
    loss: Loss, first: int, every: int,
) -> None:
    told, calls = usual
    lossy.lose(dict.fromkeys(range(first, 1000, every), loss))
    for lived, wanted in zip(live(lossy_world), told, strict=True):
        if loss is Loss.COMMIT:
            lived, wanted = _GENERATION.sub('', lived), _GENERATION.sub('', wanted)
        assert '\n'.join(difflib.unified_diff(wanted.split('\n'), lived.split('\n'))) == ''
    assert lossy.lost > 5
    if loss is not Loss.COMMIT:     # whose step begins anew
        assert lossy_world.cloud.calls == calls


@pytest.mark.parametrize('kind', [FakeNode, SigningNode])
@pytest.mark.parametrize('loss', [Loss.ANSWER, Loss.COMMIT])
def test_a_node_gets_its_certificate_once(
    lossy_world: World, lossy: LossyDatabase, loss: Loss, kind: type[FakeNode]
) -> None:
    world = lossy_world
    uuid = world.create(name='bay')
    world.build(uuid)
    service = Bootstrap(world.conf, world.database, world.tools.certificates)
    (stack,) = world.cloud.living()
    node = kind(service, uuid, f'{stack["name"]}-node-0')
    world.ask('rotate_ca', uuid)
    world.worker().turn()
    issued = len(world.rows(models.IssuedCertificate))
    lossy.lose({1: loss})
    answer = node.reissue()
    assert lossy.lost == 1
    if loss is Loss.COMMIT:
        assert (answer.status_int, 'Retry-After' in answer.headers) == (503, True)
        assert len(world.rows(models.IssuedCertificate)) == issued
        answer = node.reissue()
    assert answer.status_int == 200
    assert len(world.rows(models.IssuedCertificate)) == issued + 1
