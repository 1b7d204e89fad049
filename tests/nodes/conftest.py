"""Real machines and a Magnum for them, on the development cloud."""

import pathlib
from collections.abc import Iterator

import pytest
import requests

from tests.functional import magnum_service
from tests.functional.people import Person
from tests.nodes import docker, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tests.nodes.kubectl import Kubectl
from tools.common import network
from tools.devcloud import backends, settings
from tools.nodes import check, cli, web
from tools.nodes.kubernetes import build
from tools.nodes.machine import Machine

_HERE = pathlib.Path(__file__).parent
_DATABASE = 'magnum_nodes'
#: Seconds. Each time a node starts some twenty programs, all on the same cores.
_TRUST_INTERVAL = '10'
#: Of Kubernetes there is an old release, and a web server without TLS.
_DRIVERS = 'any_version = true\ninsecure_downloads = true'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.nodes)


@pytest.fixture(scope='session')
def url() -> str:
    """Of the tests' own Magnum: the cloud may have another one for other tests."""
    return f'http://{settings.IP}:{network.find_free()}/v1'


@pytest.fixture(scope='session')
def coes(request: pytest.FixtureRequest) -> list[str]:
    """Whose nodes are booted: those of Mesos need a guest of their own, made when they run."""
    files = {item.path.name for item in request.session.items}
    return ['swarm', 'kubernetes', *(['mesos'] if 'test_mesos.py' in files else [])]


@pytest.fixture(scope='session')
def machines(url: str, coes: list[str]) -> Iterator[None]:
    """The process that boots what this Magnum has built."""
    missing = list(check.missing())
    if missing:
        pytest.fail('machines cannot boot here: ' + '; '.join(missing))
    try:
        requests.get(settings.KEYSTONE_URL, timeout=10)
    except requests.ConnectionError:
        pytest.fail('the development cloud does not run: tools/devcloud/devcloud up')
    cli.reset()
    cli.up(coes, bootstrap=url)
    yield
    cli.down()


@pytest.fixture(scope='session')
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where configuration and logs are."""
    return tmp_path_factory.mktemp('magnum')


@pytest.fixture(scope='session')
def magnum(machines: None, url: str, directory: pathlib.Path) -> Iterator[magnum_service.Process]:
    """API and conductor in one process, over MariaDB."""
    backends.sql(f'DROP DATABASE IF EXISTS {_DATABASE}')
    backends.sql(f'CREATE DATABASE {_DATABASE} CHARACTER SET utf8mb4')
    process = magnum_service.Process(
        'magnum-all-in-one', directory, 'magnum', url=url, bus='fake://', heat_bus='',
        port=url.removesuffix('/v1').rpartition(':')[2], database=settings.mariadb_url(_DATABASE),
        drivers=_DRIVERS, trust_interval=_TRUST_INTERVAL,
    )
    with magnum_service.running(process):
        magnum_service.wait_for_api(process, url=url)
        yield process


@pytest.fixture(scope='session')
def programs() -> pathlib.Path:
    """The programs of Kubernetes, built unless they were before."""
    return build.programs()


@pytest.fixture(scope='session')
def downloads(programs: pathlib.Path) -> Iterator[str]:
    """Where nodes of Kubernetes download, as ``address:port``."""
    port = network.find_free()
    with web.running(programs, network.IP, port):
        yield f'{network.IP}:{port}'


@pytest.fixture(scope='session')
def images() -> Iterator[str]:
    """Where nodes of Swarm get images, as ``address:port``."""
    port = network.find_free()
    with web.running(None, network.IP, port):
        yield f'{network.IP}:{port}'


@pytest.fixture(scope='session')
def alice(magnum: magnum_service.Process, url: str) -> Person:
    """In a project of its own: other tests look for what bays leave in hers."""
    return Person('alice-machines', url=url)


@pytest.fixture(scope='module')
def brief_terms(magnum: magnum_service.Process, url: str) -> Iterator[None]:
    """Certificates of nodes are valid for seven minutes, and renewed in the fourth."""
    with magnum_service.restarted(magnum, '[x509]\nnode_term_of_validity = 0.005\n', url):
        yield


@pytest.fixture(scope='module')
def healing(magnum: magnum_service.Process, url: str) -> Iterator[None]:
    """Lost nodes are replaced after a minute."""
    options = '[nodes]\nsilent_after = 45\nheal_after = 20\nheal_pause = 0\n'
    with magnum_service.restarted(magnum, options, url):
        yield


@pytest.fixture(scope='module')
def client(
    request: pytest.FixtureRequest, bay: Bay, tmp_path_factory: pytest.TempPathFactory
) -> Docker | Kubectl:
    """The COE's own client of the module's bay."""
    if bay.coe == 'swarm':
        return docker.configured(bay.person, bay.uuid, tmp_path_factory.mktemp('docker') / 'files')
    # Building them takes minutes.
    programs = request.getfixturevalue('programs')
    return kubernetes.client(bay, programs, tmp_path_factory)


@pytest.fixture(scope='module')
def client_of_web(
    bay: Bay, programs: pathlib.Path, downloads: str, tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    """kubectl of the module's bay, on whose workers pods say their names."""
    count = len(bay.machines('node'))
    return kubernetes.client_of_web(bay, programs, downloads, tmp_path_factory, count)


@pytest.fixture(scope='module')
def master(bay: Bay) -> Machine:
    """The only one of the module's bay."""
    (found,) = bay.machines('master')
    return found
