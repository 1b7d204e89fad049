"""One Magnum and one set of clients for all these tests."""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.functional import magnum_service
from tests.functional.clients import record
from tests.functional.clients.shell import RAN, Shell
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.devcloud import settings

PASSED = pytest.StashKey[set[str]]()
DESELECTED = pytest.StashKey[bool]()
_AT_ONCE = 3  # clients that begin


Begun = concurrent.futures.Future[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What a module needs to begin its bays."""

    client: str
    people: dict[str, Person]

    @property
    def prefix(self) -> str:
        return prefix_of(self.client)

    def magnum(self) -> Shell:
        return Shell(self.client, self.people['alice'])


def prefix_of(client: str) -> str:
    """Begins the names of all that a client makes."""
    return 'of-' + client.replace('.', '-')


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        'markers', f'{record.MARKER}: commands of a client that a test is about'
    )
    config.stash[PASSED] = set()
    config.stash[DESELECTED] = False


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items:
        items[0].config.stash[DESELECTED] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: Any
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test covers, its client must have run; then it counts as found."""
    report = yield
    if report.when != 'call' or not report.passed:
        return report
    for marker in item.iter_markers(record.MARKER):
        client = record.client_of(item)
        missing = {c for c in marker.kwargs['commands'] if (client, c) not in RAN}
        if missing:
            report.outcome = 'failed'
            report.longrepr = f'{client} was to run, and did not: {sorted(missing)}'
            return report
    item.config.stash[PASSED].add(item.nodeid)
    return report


@pytest.fixture(scope='session', autouse=True)
def service(magnum: dict[str, Any]) -> None:
    """A running Magnum, where the catalogue says that one is."""
    assert magnum_service.PORT == settings.MAGNUM_PORT, (
        'the clients ask the catalogue: MAGNUM_FUNCTIONAL_PORT must not be set'
    )


@pytest.fixture(scope='session', autouse=True)
def begun(
    request: pytest.FixtureRequest, service: None, people: dict[str, Person]
) -> dict[str, Begun]:
    """What each module's ``begin`` made, by its client.

    All modules begin their bays at once, so that these are built while the
    commands that need none are tried.
    """
    modules = {
        item.getparent(pytest.Module) for item in request.session.items
        if 'begin' in getattr(item, 'fixturenames', ())
    }
    begins = {
        module.obj.CLIENT: module.obj.begin
        for module in modules if module is not None and hasattr(module.obj, 'begin')
    }
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return {
            client: pool.submit(begin, Beginning(client, people))
            for client, begin in sorted(begins.items())
        }

@pytest.fixture(scope='module')
def begin(begun: dict[str, Begun], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the module's own ``begin`` made."""
    return begun[request.module.CLIENT].result()


@pytest.fixture(scope='module')
def client(request: pytest.FixtureRequest) -> str:
    """The name of the client that the module is about."""
    name: str = request.module.CLIENT
    assert (settings.CLIENTS / name).exists(), 'to be made by: tools/devcloud/devcloud clients'
    return name


@pytest.fixture(scope='session')
def alice(people: dict[str, Person]) -> Person:
    """A plain member, without the slow bay that other tests give her."""
    return people['alice']


@pytest.fixture(scope='session')
def project_id(alice: Person) -> str:
    return str(alice.keystone.get_project_id())


@pytest.fixture(scope='module')
def magnum_cli(client: str, alice: Person) -> Shell:
    """``magnum`` of the module's release, used by alice with her password."""
    return Shell(client, alice)


@pytest.fixture(scope='module')
def admin_cli(client: str, people: dict[str, Person]) -> Shell:
    """``magnum`` of the module's release, used by the administrator."""
    return Shell(client, people['admin'])


@pytest.fixture(scope='module')
def prefix(client: str) -> str:
    """Begins the names of all that the module makes."""
    return prefix_of(client)


@pytest.fixture(scope='module')
def settle(alice: Person) -> Callable[..., dict[str, Any]]:
    """Waits until nothing goes on with a bay, which must then have a status."""

    def wait(ident: str, status: str) -> dict[str, Any]:
        bay: dict[str, Any] = wait_until(lambda: alice.settled(ident))
        assert bay['status'] == status, bay
        return bay

    return wait

