"""Bring the whole cloud up, take it down, say how it is."""

import concurrent.futures
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator

from tools.common import processes
from tools.common.command import say
from tools.common.errors import ToolError
from tools.devcloud import (
    backends,
    configuration,
    environments,
    preflight,
    services,
    settings,
)
from tools.devcloud.configuration import conf_file
from tools.devcloud.services import call

SET_UP = settings.STATE / 'set-up-done'


class _Phases:
    """Prints what is done, and how long it took."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()

    def done(self, text: str) -> None:
        now = time.monotonic()
        say(f'{text} ({now - self.last:.1f} s)')
        self.last = now


def up() -> None:
    """Start everything that does not run; set it all up the first time."""
    phases = _Phases()
    preflight.check()
    # Never under the feet of running services.
    if not services.running() and _install_environment():
        phases.done('environment installed')
    settings.LOG.mkdir(parents=True, exist_ok=True)
    configuration.write_all()
    started = [name for name in backends.CLOUD_NAMES if backends.up(name)]
    if started:
        phases.done(f'{", ".join(started)} started')
    if SET_UP.exists():
        started += services.start()
        services.wait_ready()
    else:
        _set_up(phases)
        started.append('cloud')
    if started:
        phases.done('services started')
        say(f'the cloud is up after {time.monotonic() - phases.began:.0f} s')
    else:
        say('the cloud is up already')
    launcher = os.path.relpath(settings.SOURCE / 'devcloud')
    say(f'to use it: eval "$({launcher} openrc alice)"')


def _install_environment() -> bool:
    neighbours = _neighbours()
    if not neighbours:
        return environments.install_cloud()
    if not environments.is_cloud_current():
        raise ToolError(
            f'the environment has to be made anew, and {neighbours[0]} runs from it; '
            'stop that first'
        )
    return False


def _neighbours() -> list[pathlib.Path]:
    """The states of other clouds that run from the same environments."""
    return [
        run.parent
        for run in settings.ROOT.glob('*/run')
        if run != settings.RUN and any(map(processes.read_pid, run.glob('*.pid')))
    ]


def _set_up(phases: _Phases) -> None:
    """The first start. Every step may run again after an interruption."""
    _sync_databases()
    phases.done('databases made')
    _bootstrap_keystone()
    services.start((services.KEYSTONE,))
    services.wait_ready((services.KEYSTONE,))
    _seed('identity')
    phases.done('Keystone filled: accounts, catalogue')
    others = tuple(name for name in services.NAMES if name not in services.OCTAVIA)
    services.start(others)
    services.wait_ready(others)
    phases.done('services started, all but Octavia')
    # The compute host registers itself soon after its queue exists.
    _await(
        lambda: int(backends.sql('SELECT COUNT(*) FROM devcloud_nova.compute_nodes') or 0),
        'nova-compute did not register; see its log',
    )
    call('nova-manage', 'nova-manage', 'cell_v2', 'discover_hosts')
    _seed('resources')
    phases.done('images, flavors, networks, key pairs made')
    configuration.write_all()  # Octavia's names its network
    services.start(services.OCTAVIA)
    services.wait_ready(services.OCTAVIA)
    SET_UP.touch()


def _seed(what: str) -> None:
    call('seed', 'python', '-m', 'tools.devcloud.seed', what)


def _await(condition: Callable[[], object], message: str, limit: float = 120) -> None:
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise ToolError(message)
        time.sleep(0.3)


def _sync_databases() -> None:
    """Create and fill the databases, some at a time."""
    backends.sql(
        ''.join(
            f'CREATE DATABASE IF NOT EXISTS devcloud_{name} CHARACTER SET utf8;'
            for name in configuration.DATABASES
        )
    )

    def nova() -> None:
        for command in (
            'api_db sync',
            'cell_v2 map_cell0 --database_connection ' + configuration.database_url('nova_cell0'),
            'db sync',
        ):
            call('nova-manage', 'nova-manage', *command.split())
        # 2: the cell exists already
        call(
            'nova-manage',
            *['nova-manage', 'cell_v2', 'create_cell', '--name', 'cell1'],
            accept=(0, 2),
        )

    def simple(program: str, project: str, *arguments: str) -> Callable[[], None]:
        # Barbican's takes no such option, it finds its file under $HOME.
        options = () if project == 'barbican' else ('--config-file', conf_file(project))
        return lambda: call(program, program, *options, *arguments)

    # The longest first.
    _in_parallel(
        [
            nova,
            simple('neutron-db-manage', 'neutron', 'upgrade', 'heads'),
            simple('keystone-manage', 'keystone', 'db_sync'),
            simple('cinder-manage', 'cinder', 'db', 'sync'),
            simple('heat-manage', 'heat', 'db_sync'),
            simple('glance-manage', 'glance', 'db_sync'),
            simple('octavia-db-manage', 'octavia', 'upgrade', 'head'),
            simple('barbican-manage', 'barbican', 'db', 'upgrade'),
            simple('placement-manage', 'placement', 'db', 'sync'),
        ]
    )


def _in_parallel(jobs: Iterable[Callable[[], None]]) -> None:
    workers = (os.cpu_count() or 1) + 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def _bootstrap_keystone() -> None:
    command = ('keystone-manage', '--config-file', conf_file('keystone'))
    owner = ('--keystone-user', os.getuid(), '--keystone-group', os.getgid())
    for action in ('fernet_setup', 'receipt_setup', 'credential_setup'):
        call('keystone-manage', *command, action, *owner)
    call(
        'keystone-manage',
        *command,
        'bootstrap',
        '--bootstrap-password',
        settings.PASSWORD,
        '--bootstrap-region-id',
        settings.REGION,
        '--bootstrap-public-url',
        settings.KEYSTONE_URL,
        '--bootstrap-internal-url',
        settings.KEYSTONE_URL,
        '--bootstrap-admin-url',
        settings.KEYSTONE_URL,
    )


def down() -> None:
    """Stop everything that was started here, keep the data."""
    stopped = settings.PROCESSES.stop((settings.MACHINES_WATCH, *services.NAMES))
    stopped += [name for name in backends.NAMES if backends.down(name)]
    say(f'stopped {len(stopped)} services' if stopped else 'nothing was running')


def reset(with_environments: bool = False) -> None:
    """Stop everything and remove all data.

    :param with_environments: also remove the virtual environments, and what
        other clouds have left beside this one; not while one of them runs.
    """
    down()
    backends.remove_sockets()
    neighbours = _neighbours() if with_environments else []
    for neighbour in neighbours:
        say(f'the environments stay: {neighbour} runs from them')
    everything = with_environments and not neighbours
    directory = settings.ROOT if everything else settings.STATE
    shutil.rmtree(directory, ignore_errors=True)
    say(f'removed {directory}')


def status() -> bool:
    """Print what runs and what it takes; return whether the cloud is whole."""
    rows: list[tuple[str, int | None]] = list(backends.PORTS.items())
    for name, process in services.all_processes().items():
        rows.append((name, process.ports[0] if process.ports else None))
    total = 0
    whole = True
    for name, port in rows:
        pid = settings.PROCESSES.pid(name)
        where = f'port {port}' if port else ''
        if not pid:
            optional = name == 'postgresql'
            whole = whole and optional
            print(f'{name:18} {"not started" if optional else "down":12} {where}')
            continue
        memory = sum(map(_memory, processes.session_members(pid)))
        total += memory
        print(f'{name:18} pid {pid:<8} {where:10} {memory >> 20:5} MiB')
    print(f'memory in all: {total >> 20} MiB; state in {settings.ROOT}')
    return whole


def _memory(pid: int) -> int:
    """Proportional set size in bytes; 0 if we may not look."""
    return sum(
        int(line.split()[1]) * 1024
        for line in _lines(pathlib.Path(f'/proc/{pid}/smaps_rollup'))
        if line.startswith('Pss:')
    )


def _lines(path: pathlib.Path) -> Iterator[str]:
    try:
        yield from path.read_text().splitlines()
    except OSError:
        return
