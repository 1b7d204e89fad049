"""The client as its users run it, and the service that it speaks to."""

import contextlib
import dataclasses
import io
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from osc_magnum import plugin

from tests.api.fixtures.cloud import OTHER_PROJECT, PROJECT, TOKENS
from tests.attacks.running import RunningService

_PROGRAM = pathlib.Path(sys.executable).with_name('openstack')
_PROJECT_NAMES: dict[str | None, str] = {
    PROJECT: 'demo', OTHER_PROJECT: 'other', '1' * 32: 'twin', '2' * 32: 'twin',
}
_CLOUDS = """
clouds:
  {name}:
    region_name: RegionOne
    auth:
      auth_url: {identity}/v3
      username: {name}
      password: secret
      project_name: demo
      user_domain_name: Default
      project_domain_name: Default
    container_infrastructure_management_endpoint_override: {magnum}
"""


def model(coe: str) -> tuple[str, ...]:
    """Options of a baymodel."""
    return (
        '--coe', coe, '--image', 'debian', '--external-network', 'public',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small', '--keypair', 'default',
    )


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``-f json`` wrote."""
        assert self.code == 0, self.err
        return json.loads(self.out)


class User:
    """Somebody with a home and a cloud configuration, who runs ``openstack``.

    Most commands run in this process: to start a program anew takes a second or more.
    The program keeps its client of the service as long as its process lives; here each
    user has one.
    """

    def __init__(self, name: str, service: RunningService, home: pathlib.Path):
        self.name = name
        self.home = home
        self._client: Any = None
        home.mkdir(exist_ok=True)
        clouds = home / 'clouds.yaml'
        clouds.write_text(_CLOUDS.format(
            name=name, identity=f'{service.cloud.url}/identity', magnum=f'{service.url}/v1',
        ))
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith('OS_') and name not in ('KUBECONFIG', 'DOCKER_CONFIG')
        }
        self.environment = {
            **kept, 'OS_CLIENT_CONFIG_FILE': str(clouds), 'OS_CLOUD': name, 'HOME': str(home),
            'COLUMNS': '200',
        }

    def start(self, *command: str, **more: Any) -> subprocess.Popen[str]:
        """Begin a command as a process of its own.

        :param more: as :class:`subprocess.Popen` takes it.
        """
        pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        return subprocess.Popen(
            [str(_PROGRAM), *command], env={**self.environment, 'PYTHONWARNINGS': 'ignore'},
            text=True, stdin=subprocess.DEVNULL,
            # Where tests run in the background, it is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **{**pipes, **more},
        )

    def run(self, *command: str) -> Done:
        """One command to its end."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment, clear=True), _kept_logging(),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        ):
            # Its import warns of what it imports itself.
            from openstackclient import shell
            from openstackclient.common.clientmanager import ClientManager
            from osc_lib.clientmanager import ClientCache

            self._client = self._client or ClientCache(plugin.make_client)
            setattr(ClientManager, plugin.API_NAME, self._client)
            try:
                code = int(shell.main(list(command)))
            except SystemExit as ended:
                code = int(ended.code or 0)
        assert 'Traceback' not in err.getvalue(), err.getvalue()
        return Done(code, out.getvalue(), err.getvalue())

    def json(self, *command: str) -> Any:
        """What a command that succeeds shows."""
        return self.run(*command, '-f', 'json').json


@contextlib.contextmanager
def _kept_logging() -> Iterator[None]:
    """Undo what the program does to logs and warnings of its process.

    A conductor in another thread logs nothing meanwhile: to the program it is elsewhere.
    """
    root, conductor = logging.getLogger(), logging.getLogger('magnum')
    handlers, level, propagates = list(root.handlers), root.level, conductor.propagate
    conductor.propagate = False
    silence = logging.NullHandler()
    conductor.addHandler(silence)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            conductor.removeHandler(silence)
            conductor.propagate = propagates


@pytest.fixture(scope='session')
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service with the real drivers; a conductor works when a test lets it."""
    running = RunningService(tmp_path_factory.mktemp('service'))
    running.cloud.identity.accounts |= {
        name: token for name, token in TOKENS.items() if name != 'service'
    }
    running.cloud.identity.project_names = _PROJECT_NAMES
    running.cloud.identity.projects = {*(running.cloud.identity.projects or ()), *_PROJECT_NAMES}
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope='session')
def member(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> User:
    """A plain member."""
    return User('member', service, tmp_path_factory.mktemp('member'))


@pytest.fixture(scope='session')
def admin(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> User:
    """An administrator of the cloud."""
    return User('admin', service, tmp_path_factory.mktemp('admin'))


@pytest.fixture
def conductor(service: RunningService) -> Iterator[Callable[[str | None], None]]:
    """Lets a conductor work in the background until the test ends.

    Called with a reason, it has Heat's work fail with that.
    """
    ends = threading.Event()
    threads: list[threading.Thread] = []

    def work(reason: str | None) -> None:
        worker = service.world.worker()
        while not ends.is_set():
            worker.turn()
            if reason:
                service.world.cloud.settle('FAILED', reason)
            else:
                service.world.cloud.settle()
            service.world.pass_time(30)
            worker.watch()
            ends.wait(0.3)

    def start(reason: str | None = None) -> None:
        threads.append(threading.Thread(target=work, args=(reason,)))
        threads[-1].start()

    yield start
    ends.set()
    for thread in threads:
        thread.join()
