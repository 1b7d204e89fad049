"""A node fetches its files before it runs any of them."""

import base64
import contextlib
import http.server
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from magnum.drivers import composition, files, node_files
from magnum.drivers.common.node.agent import fetch
from magnum.drivers.contract import MASTER
from tests.fakes.listening import listening
from tests.unit.drivers import agents
from tests.unit.node_service import BAY

#: ``python3 -m agent.fetch`` in a folder, with no other one to find modules in but Python's.
_RUN = '''
import runpy, sys
folder, root = sys.argv[1:]
sys.path.insert(0, folder)
sys.argv = ['fetch', root]
runpy.run_module('agent.fetch', run_name='__main__')
'''
ARCHIVE = node_files.pack(composition.files_of_nodes('kubernetes', MASTER))


class Service:
    """Answers as told, the last answer again and again; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, given(ARCHIVE.content))]
        self.asked: list[tuple[str, str | None]] = []
        self.url = ''


def given(content: bytes) -> dict[str, str]:
    return {'archive': base64.b64encode(content).decode()}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked.append((self.path, self.headers['X-Bootstrap-Token']))
            status, document = made.answers[0]
            del made.answers[: len(made.answers) > 1]
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    made.url = f'http://127.0.0.1:{server.server_port}/v1/bootstrap'
    with listening(server):
        yield made


@pytest.fixture
def root(tmp_path: pathlib.Path, service: Service) -> pathlib.Path:
    """What cloud-init has written."""
    agents.make_node(tmp_path, service.url)
    (tmp_path / 'opt/magnum').mkdir(parents=True)
    (tmp_path / 'opt/magnum/digest').write_text(f'{ARCHIVE.digest}\n')
    return tmp_path


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds for which it would have waited."""
    found: list[float] = []
    monkeypatch.setattr('time.sleep', found.append)
    return found


def test_every_file_is_there_as_it_is_here(root: pathlib.Path, service: Service) -> None:
    fetch.main(str(root))
    assert service.asked == [(f'/v1/bootstrap/{BAY}/files/{ARCHIVE.digest}', 'the-token')]
    for member in composition.files_of_nodes('kubernetes', MASTER):
        file = root / 'opt/magnum' / member.path
        assert file.stat().st_mode & 0o777 == (0o700 if member.is_program else 0o600)
        assert file.read_text() == (pathlib.Path(composition.__file__).parent
                                    / member.source).read_text()


def test_it_is_fetched_once(root: pathlib.Path, service: Service) -> None:
    """The token is dead when cloud-init runs again."""
    fetch.main(str(root))
    service.answers = [(401, {})]
    fetch.main(str(root))
    assert len(service.asked) == 1


def test_what_may_not_be_on_the_disk_is_fetched_again(
    root: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power goes while it is written."""
    monkeypatch.setattr('os.sync', Mock(side_effect=[KeyboardInterrupt, None]))
    with pytest.raises(KeyboardInterrupt):
        fetch.main(str(root))
    fetch.main(str(root))
    assert len(service.asked) == 2


def test_another_digest_is_fetched(root: pathlib.Path, service: Service) -> None:
    fetch.main(str(root))
    other = node_files.pack(composition.files_of_nodes('swarm', MASTER))
    service.answers = [(200, given(other.content))]
    (root / 'opt/magnum/digest').write_text(other.digest)
    fetch.main(str(root))
    assert (root / 'opt/magnum/steps/60-swarm.sh').exists()


@pytest.mark.parametrize('passing', [
    (404, {}), (429, {}), (503, {}), (200, given(b'of another digest')), (200, {}), (200, 'x'),
])
def test_what_passes_is_tried_again(
    root: pathlib.Path, service: Service, waits: list[float], passing: tuple[int, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.answers = [passing, passing, *service.answers]
    fetch.main(str(root))
    assert (root / 'opt/magnum/run.sh').exists()
    assert waits == [2, 4]
    assert capsys.readouterr().out.count('no files of this node yet') == 2


def test_a_service_that_is_away_is_asked_again_at_most_every_minute(
    root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents.make_node(root, 'http://127.0.0.1:1/v1/bootstrap')
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr('time.sleep', sleep)
    with contextlib.suppress(KeyboardInterrupt):
        fetch.main(str(root))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize('status', [400, 401, 403, 410])
def test_a_refusal_ends_it(
    root: pathlib.Path, service: Service, waits: list[float], status: int
) -> None:
    service.answers = [(status, {})]
    with pytest.raises(SystemExit, match=str(status)):
        fetch.main(str(root))
    assert waits == []
    assert not (root / 'opt/magnum/run.sh').exists()


def test_what_user_data_has_is_enough(root: pathlib.Path, service: Service) -> None:
    """None of its programs needs a file that is still to be fetched."""
    folder = root / 'opt/magnum'
    for name in node_files.OF_USER_DATA:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(files.read(f'common/node/{name}'))
    subprocess.run(
        [sys.executable, '-I', '-c', _RUN, str(folder), str(root)], cwd=root, check=True
    )
    assert (folder / 'run.sh').exists()
