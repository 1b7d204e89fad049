"""The processes of the OpenStack services, in the order of their start."""

import functools
import os
import subprocess
import time

from tools.common import network, processes
from tools.common.errors import ToolError
from tools.common.processes import Command, Process
from tools.devcloud import settings
from tools.devcloud.configuration import PROJECTS, conf_file
from tools.devcloud.settings import CATALOGUE, HOSTNAME, VENV

# name: (project, WSGI module, entry of the catalogue, threads)
_APIS = {
    'keystone': ('keystone', 'keystone.wsgi.api', 'keystone', 6),
    'glance-api': ('glance', 'glance.wsgi.api', 'glance', 2),
    'placement': ('placement', 'placement.wsgi.api', 'placement', 2),
    'neutron-api': ('neutron', 'neutron.wsgi.api', 'neutron', 6),
    'nova-api': ('nova', 'nova.wsgi.osapi_compute', 'nova', 6),
    'cinder-api': ('cinder', 'cinder.wsgi.api', 'cinder', 4),
    'barbican-api': ('barbican', 'barbican_wsgi', 'barbican', 2),
    'heat-api': ('heat', 'heat.wsgi.api', 'heat', 6),
    'heat-api-cfn': ('heat', 'heat.wsgi.cfn', 'heat-cfn', 4),
    'octavia-api': ('octavia', 'octavia.wsgi.api', 'octavia', 4),
}

# program: (whose configuration, the RPC queue it serves)
_WORKERS = {
    'nova-conductor': ('nova', 'conductor'),
    'nova-scheduler': ('nova', 'scheduler'),
    'nova-compute': ('nova-cpu', f'compute.{HOSTNAME}'),
    'cinder-scheduler': ('cinder', 'cinder-scheduler'),
    'cinder-volume': ('cinder', f'cinder-volume.{HOSTNAME}@fake'),
    'heat-engine': ('heat', 'engine'),
    'octavia-worker': ('octavia', 'octavia_provisioning_v2'),
}

KEYSTONE = 'keystone'
OCTAVIA = ('octavia-api', 'octavia-worker')
QUEUES = {name: queue for name, (_, queue) in _WORKERS.items()}
NAMES = (*_APIS, *_WORKERS)


def environment() -> dict[str, str]:
    """The environment of every program of the OpenStack services."""
    return {
        **processes.inherited('OS_', 'PYTHON', 'UWSGI_'),
        'HOME': str(settings.HOME),
        'PATH': f'{VENV / "bin"}:{os.environ.get("PATH", os.defpath)}',
        'PYTHONPATH': f'{settings.PLUGINS}:{settings.CHECKOUT}',
        'PYTHONWARNINGS': 'ignore',
        'LC_ALL': 'C.UTF-8',
        'BARBICAN_PASTE_FILE': str(VENV / 'etc/barbican/barbican-api-paste.ini'),
        'OS_NEUTRON_CONFIG_FILES': 'neutron.conf',
        # Native threads everywhere; neutron and heat need no telling.
        'OS_NOVA_DISABLE_EVENTLET_PATCHING': '1',
        'OS_CINDER_DISABLE_EVENTLET_PATCHING': '1',
        **{
            f'OS_{project.upper()}_CONFIG_DIR': str(conf_file(project).parent)
            for project in PROJECTS
        },
    }


@functools.cache
def all_processes() -> dict[str, Process]:
    """Every service process by name."""
    env = environment()
    workers: dict[str, Command] = {
        name: [VENV / 'bin' / name, '--config-file', conf_file(conf)]
        for name, (conf, _) in _WORKERS.items()
    }
    return {
        **{name: _api(name, env) for name in _APIS},
        **{
            name: Process(settings.PROCESSES, name, command, env)
            for name, command in workers.items()
        },
    }


def _api(name: str, env: dict[str, str]) -> Process:
    """A WSGI application under uWSGI: one process with some threads."""
    _, module, entry, threads = _APIS[name]
    port = CATALOGUE[entry].port
    command: list[str | os.PathLike[str]] = [
        VENV / 'bin/uwsgi',
        f'--home={VENV}',
        f'--module={module}:application',
        f'--http-socket={settings.IP}:{port}',
        '--enable-threads',
        f'--threads={threads}',
        '--die-on-term',
        '--need-app',
        '--buffer-size=65535',
        '--socket-timeout=60',
        '--add-header=Connection: close',
        '--disable-logging',
        f'--pythonpath={settings.PLUGINS}',
    ]
    return Process(
        settings.PROCESSES, name, command, env, (port,), lambda: network.answers_http(port)
    )


def running() -> list[str]:
    """The names of those that run."""
    return [name for name, process in all_processes().items() if process.pid()]


def start(names: tuple[str, ...] = NAMES) -> list[str]:
    """Start those that do not run, in order; return their names."""
    table = all_processes()
    return [name for name in names if table[name].start()]


def wait_ready(names: tuple[str, ...] = NAMES) -> None:
    """Wait for an HTTP answer of each API and a consumer on each queue."""
    table = all_processes()
    processes.wait_ready([table[name] for name in names])
    queues = [QUEUES[name] for name in names if name in QUEUES]
    if not queues:
        return
    waiting = subprocess.Popen(
        [VENV / 'bin/python', '-m', 'tools.devcloud.queues', *queues],
        env=environment(),
        cwd=settings.STATE,
        stdin=subprocess.DEVNULL,
    )
    while waiting.poll() is None:
        dead = [name for name in names if not table[name].pid()]
        if dead:
            waiting.kill()
            waiting.wait()
            raise ToolError(
                f'{dead[0]} died at its start; the last lines of '
                f'{table[dead[0]].log}:\n{processes.tail(table[dead[0]].log)}'
            )
        time.sleep(0.1)
    if waiting.returncode:
        raise ToolError(f'not all services became ready; see {settings.LOG}')


def call(name: str, *command: object, accept: tuple[int, ...] = (0,)) -> None:
    """Run one program of the cloud's environment to its end.

    :param name: of the log file for its output.
    :param accept: the exit codes that mean success.
    """
    program, *arguments = map(str, command)
    processes.run_logged(
        [VENV / 'bin' / program, *arguments],
        settings.PROCESSES.log(name),
        accept,
        lines=15,
        env=environment(),
        cwd=settings.STATE,
    )
