"""Every route that writes, with the database's connection broken at each COMMIT.

The answer has to be the one of a request that nothing happened to, and so have
the rows that it leaves. Requests are told from what they leave, so clients of
either vocabulary are served alike.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.api.routes import of_callers
from magnum.db import commits, models
from magnum.domain import states
from tests import databases
from tests.api.fixtures.cloud import PROJECT
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import TEMPLATE
from tests.fakes.lossy_database import Loss, LossyDatabase
from tests.unit.certificates import csr
from tools.common import processes

LATEST = 'container-infra latest'
CSR = csr.make(csr.name(CN='alice'))
QUOTA = {'project_id': PROJECT, 'resource': 'Cluster', 'hard_limit': 7}
KEY = {'Idempotency-Key': 'k'}


@dataclasses.dataclass(frozen=True)
class Words:
    """One vocabulary."""

    bays: str
    baymodels: str
    baymodel_id: str


WORDS = (
    Words('bays', 'baymodels', 'baymodel_id'),
    Words('clusters', 'clustertemplates', 'cluster_template_id'),
)


class Stage:
    """What requests are sent to, and what is there before them."""

    def __init__(self, service: Service, database: LossyDatabase, url: str):
        self.service = service
        self.database = database
        self.words = WORDS[0]
        self._client = webtest.TestApp(service.application)
        self._direct = sa.create_engine(url)
        self._kept: dict[Before, tuple[Rows, dict[str, str]]] = {}
        #: What a path is completed with.
        self.names: dict[str, str] = {}

    def close(self) -> None:
        self._direct.dispose()

    def send(
        self, method: str, path: str, body: Any = None, token: str = 'member', **headers: str
    ) -> Any:
        headers = {'X-Auth-Token': token, 'OpenStack-API-Version': LATEST, **headers}
        path = path.format(**vars(self.words), **self.names)
        send = getattr(self._client, f'{method.lower()}{"" if method == "DELETE" else "_json"}')
        more = {} if body is None else {'params': body}
        return send(f'/v1/{path}', headers=headers, expect_errors=True, **more)

    def prepare(self, before: 'Before') -> None:
        """Make what a request needs; what was made once is put back as it was."""
        if before not in self._kept:
            with self._direct.begin() as connection:
                _put(connection, {})
            self.names = {}
            before(self)
            self._kept[before] = self.rows(), self.names
        rows, self.names = self._kept[before]
        with self._direct.begin() as connection:
            _put(connection, rows)

    def rows(self) -> 'Rows':
        """All rows of all tables."""
        with self._direct.connect() as connection:
            return {
                table.name: [
                    dict(row) for row in
                    connection.execute(sa.select(table).order_by(table.c.id)).mappings()
                ]
                for table in _TABLES
            }

    # What there is before ----------------------------------------------------
    def nothing(self) -> None:
        pass

    def baymodel(self) -> None:
        self._make('{baymodels}', TEMPLATE)

    def queued(self) -> None:
        self.baymodel()
        made = self._make('{bays}', {'name': 'one', self.words.baymodel_id: 'model'})
        self.names = {'operation': made['operation_id'], 'bay': made['uuid']}

    def running(self) -> None:
        self.queued()
        self.service.do_steps(1)

    def failed(self) -> None:
        self.queued()
        self.service.settle(states.OPERATION_FAILED, 'it failed')

    def bay(self) -> None:
        self.queued()
        self.service.settle()

    def resizing(self) -> None:
        self.bay()
        self._make('{bays}/one/actions/resize', {'node_count': 2})

    def nodegroup(self) -> None:
        self.bay()
        self._make('{bays}/one/nodegroups', {'name': 'gpu'})
        self.service.settle()

    def quota(self) -> None:
        self._make('quotas', QUOTA, 'admin')

    def _make(self, path: str, body: Any, token: str = 'member') -> Any:
        answer = self.send('POST', path, body, token)
        assert answer.status_int in (201, 202), answer.text
        return answer.json


Before = Callable[[Stage], None]
Rows = dict[str, list[dict[str, Any]]]

_TABLES = [
    table for table in models.Base.metadata.sorted_tables if table is not models.COMMIT_RECORD
]


def _put(connection: sa.Connection, rows: Rows) -> None:
    """Let these rows be all that there is."""
    for table in reversed(_TABLES):
        connection.execute(table.delete())
    for table in _TABLES:
        if rows.get(table.name):
            connection.execute(table.insert(), rows[table.name])


#: What no two runs have in common.
_MASKED = re.compile(
    r'-----BEGIN .+?-----END [A-Z ]+-----|\d{4}-\d\d-\d\d[T ][\d:.+Z]*|[0-9a-f]{32,}'
    r'|\\?"id\\?": \d+'
    r'|req-[0-9a-f-]{36}|"(salt|sealed_[a-z_]+)": "[^"]*"'
)
_UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def _comparable(*parts: Any) -> str:
    """A text in which ids are numbers in the order in which they appear."""
    text = _MASKED.sub('*', json.dumps(parts, indent=1, sort_keys=True, default=str))
    known: dict[str, str] = {}
    return _UUID.sub(lambda found: known.setdefault(found[0], f'<{len(known)}>'), text)


@dataclasses.dataclass(frozen=True)
class Write:
    """A request that changes something; ``before`` is what it needs."""

    method: str
    path: str
    before: Before
    body: Any = None
    token: str = 'member'
    version: str = LATEST

    def send(self, stage: Stage, **headers: str) -> Any:
        body = self.body
        if isinstance(body, dict) and 'baymodel' in body:
            body = {**body, stage.words.baymodel_id: 'model'}
            del body['baymodel']
        if isinstance(body, dict) and 'bay_uuid' in body:
            body = {**body, 'bay_uuid': stage.names['bay']}
        return stage.send(
            self.method, self.path, body, self.token,
            **{'OpenStack-API-Version': self.version, **headers},
        )


def _replace(path: str, value: Any) -> list[dict[str, Any]]:
    return [{'op': 'replace', 'path': path, 'value': value}]


WRITES = {
    'baymodel': Write('POST', '{baymodels}', Stage.nothing, TEMPLATE),
    'baymodel changed': Write(
        'PATCH', '{baymodels}/model', Stage.baymodel, _replace('/name', 'new')
    ),
    'baymodel deleted': Write('DELETE', '{baymodels}/model', Stage.baymodel),
    'bay': Write('POST', '{bays}', Stage.baymodel, {'name': 'one', 'baymodel': 'model'}),
    'bay of old': Write(
        'POST', '{bays}', Stage.baymodel, {'name': 'one', 'baymodel': 'model'},
        version='container-infra 1.1',
    ),
    'bay changed': Write('PATCH', '{bays}/one', Stage.bay, _replace('/node_count', 3)),
    'bay changed again': Write('PATCH', '{bays}/one', Stage.resizing, _replace('/node_count', 3)),
    'bay deleted': Write('DELETE', '{bays}/one', Stage.bay),
    'bay deleted early': Write('DELETE', '{bays}/one', Stage.running),
    'resize': Write('POST', '{bays}/one/actions/resize', Stage.bay, {'node_count': 3}),
    'resize of a resize': Write(
        'POST', '{bays}/one/actions/resize', Stage.resizing, {'node_count': 3}
    ),
    'upgrade': Write(
        'POST', '{bays}/one/actions/upgrade', Stage.bay, {'cluster_template': 'model'}
    ),
    'nodegroup': Write('POST', '{bays}/one/nodegroups', Stage.bay, {'name': 'gpu'}),
    'nodegroup changed': Write(
        'PATCH', '{bays}/one/nodegroups/gpu', Stage.nodegroup, _replace('/max_node_count', 5)
    ),
    'nodegroup deleted': Write('DELETE', '{bays}/one/nodegroups/gpu', Stage.nodegroup),
    'config': Write('POST', '{bays}/one/config', Stage.bay, {'csr': CSR}),
    'certificate': Write('POST', 'certificates', Stage.bay, {'bay_uuid': 'one', 'csr': CSR}),
    'authority': Write('PATCH', 'certificates/{bay}', Stage.bay),
    'credential': Write('PATCH', 'credentials/{bay}', Stage.bay),
    'quota': Write('POST', 'quotas', Stage.nothing, QUOTA, 'admin'),
    'quota changed': Write(
        'PATCH', f'quotas/{PROJECT}/Cluster', Stage.quota, {**QUOTA, 'hard_limit': 8}, 'admin'
    ),
    'quota deleted': Write('DELETE', f'quotas/{PROJECT}/Cluster', Stage.quota, None, 'admin'),
    'cancel': Write('POST', 'operations/{operation}/actions/cancel', Stage.queued),
    'cancel of what runs': Write('POST', 'operations/{operation}/actions/cancel', Stage.running),
    'retry': Write('POST', 'operations/{operation}/actions/retry', Stage.failed),
}


@pytest.fixture(scope='module')
def one_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp('lost')
    url = databases.take(directory)
    database = LossyDatabase(url)
    service = Service(directory, connection=database.url)
    service.wake_up.on_send = service.accept_stacks
    stage = Stage(service, database, url)
    yield stage
    stage.close()
    service.stop()
    database.stop()
    databases.give_back(url)


@pytest.fixture(params=WORDS, ids=lambda words: str(words.bays))
def stage(request: pytest.FixtureRequest, one_stage: Stage) -> Stage:
    one_stage.words = request.param
    return one_stage


def _done(stage: Stage, write: Write, losses: dict[int, Loss], **headers: str) -> tuple[Any, str]:
    """The answer to a request, and all that can be told of it."""
    stage.prepare(write.before)
    woken = stage.service.wake_up.sent
    stage.database.lose(losses)
    answer = write.send(stage, **headers)
    assert stage.database.lost == len(losses)
    told = {
        name: value for name, value in answer.headers.items() if name != 'Content-Length'
    }
    body = answer.json if answer.body else None
    return answer, _comparable(
        answer.status_int, body, told, stage.service.wake_up.sent - woken, stage.rows()
    )


@pytest.mark.parametrize('write', WRITES.values(), ids=WRITES.keys())
def test_a_lost_commit_changes_nothing(stage: Stage, write: Write) -> None:
    answer, wanted = _done(stage, write, {})
    assert answer.status_int in (200, 201, 202, 204), answer.text
    count = stage.database.commits
    assert count >= 1
    for number in range(1, count + 1):
        for loss in (Loss.ANSWER, Loss.COMMIT):
            assert _done(stage, write, {number: loss})[1] == wanted, (number, loss)


@pytest.mark.parametrize(
    'write', [write for write in WRITES.values() if write.method == 'POST'],
    ids=[name for name, write in WRITES.items() if write.method == 'POST'],
)
def test_with_an_idempotency_key(one_stage: Stage, write: Write) -> None:
    stage = one_stage
    _, wanted = _done(stage, write, {}, **KEY)
    answer, came = _done(stage, write, {1: Loss.ANSWER}, **KEY)
    assert came == wanted
    rows = stage.rows()
    again = write.send(stage, **KEY)
    assert again.headers['Idempotency-Replayed'] == 'true'
    assert (again.status_int, stage.rows()) == (answer.status_int, rows)


def test_every_route_that_writes_is_here() -> None:
    def form(path: str) -> str:
        path = path.replace('/one', '/{}').replace('/model', '/{}').replace('/gpu', '/{}')
        return re.sub(r'\{[a-z_]+\}', '{}', path.replace(f'/{PROJECT}/Cluster', '/{}/{}'))

    sent = {
        (write.method, form(f'/v1/{write.path}'.replace('{bays}', words.bays)
                            .replace('{baymodels}', words.baymodels)))
        for write in WRITES.values() for words in WORDS
    }
    assert sent == {
        (route.method, form(route.path)) for route in of_callers() if route.method != 'GET'
    }


def test_what_nobody_knows_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, 'PATIENCE', 0.0)
    stage.prepare(Stage.nothing)
    stage.database.lose({1: Loss.HELD})
    answer = WRITES['baymodel'].send(stage)
    stage.database.release()
    # Or the row appears in the next test.
    processes.wait_until(lambda: bool(stage.rows()['baymodel']), 10)
    assert (answer.status_int, answer.json['errors'][0]['code']) == (
        504, 'magnum.outcome_unknown'
    )
    assert 'Retry-After' not in answer.headers
