"""A Magnum of its own on the development cloud, a Horizon beside it, and a browser."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.functional import magnum_service
from tests.horizon import known
from tests.horizon.browser import Browser, Fault
from tools.common import network
from tools.devcloud import settings
from tools.horizon_steps import environment
from tools.horizon_steps.panel import Panel

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parents[1]
MEMBER, ADMINISTRATOR = 'dora', 'admin'
KEYPAIR = 'dora-key'
_START_SECONDS = 120
#: Of a fault or a line of a log, the beginning that a failed test shows, in characters.
_FAULT = 300
#: Lines of each log that a failed test shows.
_TROUBLES = 5
#: What the panels have sent to change something; tests of the API send it again.
_SENT = _ROOT / 'tests/api/horizon.json'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.functional)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request of the panels' to Magnum."""

    method: str
    path: str
    body: Any
    status: int
    answer: Any


class Record:
    """What the panels ask of Magnum."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._read = 0

    def all(self) -> list[Asked]:
        """Everything so far."""
        if not self.path.exists():
            return []
        return [_asked(json.loads(line)) for line in self.path.read_text().splitlines()]

    def take(self) -> list[Asked]:
        """What is new since the last call."""
        found = self.all()[self._read:]
        self._read += len(found)
        return found

    def last(self, method: str, path: str) -> Asked:
        """The last request of a kind, by the beginning of its path."""
        return next(
            each for each in reversed(self.all())
            if each.method == method and each.path.startswith(path)
        )


def _asked(row: dict[str, Any]) -> Asked:
    path = urllib.parse.urlsplit(row['url']).path
    return Asked(
        row['method'], path, _document(row['body']), row['status'], _document(row['answer'])
    )


def _document(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) and text else text


@pytest.fixture(scope='session')
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    chosen = os.environ.get('MAGNUM_HORIZON_LOGS')
    path = pathlib.Path(chosen) if chosen else tmp_path_factory.mktemp('horizon')
    path.mkdir(parents=True, exist_ok=True)
    return path.absolute()


@pytest.fixture(scope='session')
def magnum_url(directory: pathlib.Path) -> Iterator[str]:
    """All of Magnum in one process, on SQLite; and an agent that plays the nodes."""
    assert network.listening(settings.CATALOGUE['keystone'].port), (
        'the development cloud does not run: tools/devcloud/devcloud up'
    )
    port = network.find_free()
    url = f'http://{settings.IP}:{port}/v1'
    (directory / 'magnum.sqlite').unlink(missing_ok=True)
    service = magnum_service.Process(
        'magnum-all-in-one', directory, 'magnum', port=str(port), url=url, bus='fake:///',
        database=f'sqlite:///{directory}/magnum.sqlite',
    )
    with magnum_service.running(service), _node_agent(directory / 'agent', f'{url}/bootstrap'):
        end = time.monotonic() + _START_SECONDS
        while not network.answers_http(port):
            assert service.process
            assert service.process.poll() is None, service.log.read_text()[-3000:]
            assert time.monotonic() < end, service.log.read_text()[-3000:]
            time.sleep(0.2)
        yield url


@contextlib.contextmanager
def _node_agent(state: pathlib.Path, bootstrap: str) -> Iterator[None]:
    """The agent that plays the nodes of one Magnum only."""
    state.mkdir(parents=True, exist_ok=True)
    with open(state / 'log', 'ab') as log:
        agent = subprocess.Popen(
            [
                sys.executable, str(_ROOT / 'tools/devcloud/node_agent.py'), '--forever',
                '--state', str(state), '--bootstrap', bootstrap,
            ],
            stdout=log, stderr=log,
        )
    try:
        yield
    finally:
        agent.terminate()
        agent.wait(30)


@pytest.fixture(scope='session')
def record(directory: pathlib.Path) -> Iterator[Record]:
    record = Record(directory / 'requests.jsonl')
    yield record
    if os.environ.get('MAGNUM_RECORD_PANELS'):
        _SENT.write_text(json.dumps([
            {
                'method': asked.method, 'path': asked.path, 'body': asked.body,
                'status': asked.status,
                'uuid': asked.answer.get('uuid') if isinstance(asked.answer, dict) else None,
            }
            for asked in record.all() if asked.method != 'GET'
        ], indent=1) + '\n')


@pytest.fixture(scope='session')
def horizon(directory: pathlib.Path, magnum_url: str, record: Record) -> Iterator[Panel]:
    environment.install()
    record.path.unlink(missing_ok=True)
    panel = Panel(directory / 'panel', network.find_free(), {
        'HORIZON_MAGNUM_URL': magnum_url, 'HORIZON_RECORD': str(record.path),
    })
    panel.start()
    yield panel
    panel.stop()


@pytest.fixture(scope='session')
def window(horizon: Panel, directory: pathlib.Path) -> Iterator[Browser]:
    pictures = pathlib.Path(
        os.environ.get('MAGNUM_HORIZON_PICTURES') or directory / 'pictures'
    ).absolute()
    downloads = directory / 'downloads'
    for folder in (pictures, downloads):
        folder.mkdir(parents=True, exist_ok=True)
    browser = Browser(horizon.url, pictures, downloads)
    yield browser
    browser.close()


@pytest.fixture(scope='module')
def member(window: Browser) -> Browser:
    """The browser with a session of a plain member's."""
    window.log_in(MEMBER, settings.PASSWORD)
    return window


@pytest.fixture(scope='module')
def administrator(window: Browser) -> Browser:
    """The browser with a session of the cloud's administrator."""
    window.log_in(ADMINISTRATOR, settings.PASSWORD)
    return window


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(
    request: pytest.FixtureRequest, window: Browser, record: Record, directory: pathlib.Path
) -> Iterator[None]:
    """Any answer from 400, error message or severe line fails the test it comes in."""
    window.take_faults()
    record.take()
    yield
    test = request.node.originalname
    if request.node.stash.get(_FAILED, False):
        window.picture(f'failed-{test}')
    # What the service answered first: it is the cause of what the pages say.
    faults = known.unknown(test, [
        Fault('service', f'{asked.method} {asked.path} {asked.status} {asked.answer}')
        for asked in record.take() if asked.status >= 400
    ] + window.take_faults())
    if faults:
        lines = [f'{fault.kind}: {fault.text[:_FAULT]}' for fault in faults]
        pytest.fail('\n'.join([*lines, *_troubles(directory)]), pytrace=False)


def _troubles(directory: pathlib.Path) -> list[str]:
    """What Horizon and Magnum said last of what went wrong."""
    logs = (directory / 'panel/log/horizon.log', directory / 'magnum.log')
    return [
        f'{path.name}: {line[:_FAULT]}'
        for path in logs if path.exists()
        for line in re.findall(r'^.* (?:ERROR|WARNING) .*$', path.read_text(), re.M)[-_TROUBLES:]
    ]


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == 'call':
        item.stash[_FAILED] = report.failed
    return report
