"""The command line."""

import argparse
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import Final

from tools.common import processes
from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.common.processes import Process
from tools.devcloud import node_agent_claim, settings
from tools.nodes import check, guest, layout, machine, watch, web
from tools.nodes.cloud import ClientException, Cloud
from tools.nodes.kubernetes import build
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine

_COES: Final = ('swarm', 'kubernetes', 'mesos')
#: What Nova is asked to do, by command.
_ACTIONS: Final[dict[str, tuple[str, object]]] = {
    'start': ('os-start', None), 'stop': ('os-stop', None), 'reboot': ('reboot', {'type': 'SOFT'}),
}
_PATIENCE_AT_STOP: Final = 60.0  # seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='nodes',
        description='Real machines for the servers of the development cloud.',
        epilog='MAGNUM_DEVCLOUD_NAME says of which cloud.',
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    commands.add_parser('check', help='what is in the way, a line each; exit code 1 if anything')
    command = commands.add_parser(
        'guest', help='make the root that machines boot from, print where it is'
    )
    command.add_argument('--coe', choices=_COES, default='swarm', help='of whose nodes')
    command.add_argument(
        '--image', choices=list(guest.SUITES), default=guest.IMAGE,
        help='that their servers have (default: %(default)s)',
    )
    for name, text in (
        ('up', 'follow the cloud in the background'),
        ('watch', 'follow the cloud until interrupted'),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            '--coe', action='append', choices=_COES,
            help='boot nodes of this COE; may be given several times (default: swarm)',
        )
        command.add_argument(
            '--names', default='', metavar='PATTERN',
            help='boot nodes whose names begin with what this regular expression matches',
        )
        command.add_argument(
            '--bootstrap', default='', metavar='URL',
            help='boot nodes whose bootstrap endpoint begins so',
        )
    commands.add_parser('list', help='the machines')
    command = commands.add_parser('run', help='run a command in a machine')
    command.add_argument('name', metavar='NAME')
    command.add_argument('words', nargs=argparse.REMAINDER, metavar='COMMAND')
    for name, text in (
        ('start', 'start the server, by Nova'),
        ('stop', 'stop the server, by Nova'),
        ('reboot', 'reboot the server, by Nova'),
        ('kill', 'take the power away'),
        ('cut', 'cut the machine off its network and the services'),
        ('join', 'connect it again'),
    ):
        commands.add_parser(name, help=text).add_argument('name', metavar='NAME')
    command = commands.add_parser(
        'serve', help='serve what nodes of Kubernetes download, until interrupted'
    )
    command.add_argument('--port', type=int, required=True, metavar='NUMBER')
    command = commands.add_parser('labels', help='labels of a Kubernetes bay that is served so')
    command.add_argument('downloads', metavar='ADDRESS:PORT')
    commands.add_parser('down', help='stop all machines, keep their disks')
    commands.add_parser('reset', help='stop all machines, remove their disks')
    return parser


def run() -> int:
    """Run the command that the command line names; the exit code."""
    arguments = _parser().parse_args()
    match arguments.command:
        case 'check':
            lines = list(check.missing())
            print('\n'.join(lines) or 'real machines can boot here')
            return 1 if lines else 0
        case 'guest':
            print(guest.ensure(arguments.coe, arguments.image))
        case 'up':
            up(arguments.coe or ['swarm'], arguments.names, arguments.bootstrap)
        case 'watch':
            _watch(arguments)
        case 'list':
            _list()
        case 'serve':
            _serve(arguments.port)
        case 'labels':
            for pair in bay_labels(build.programs(), arguments.downloads).items():
                print('='.join(pair))
        case 'run':
            return subprocess.run(find(arguments.name).command(arguments.words)).returncode
        case 'kill':
            find(arguments.name).power_off()
        case 'cut' | 'join':
            Cloud().switch(find(arguments.name).facts.port, arguments.command == 'join')
        case 'start' | 'stop' | 'reboot':
            _act(find(arguments.name), *_ACTIONS[arguments.command])
        case 'down':
            down()
        case 'reset':
            reset()
    return 0


def up(coes: list[str], names: str = '', bootstrap: str = '') -> bool:
    """Make the guest, and follow the cloud in the background; False if that is done already.

    :raises ToolError: this machine cannot.
    """
    lines = list(check.missing())
    if lines:
        raise ToolError('machines cannot boot here:\n' + '\n'.join(lines))
    for coe in coes:
        guest.ensure(coe)
    options = [word for coe in coes for word in ('--coe', coe)]
    process = Process(
        settings.PROCESSES, layout.WATCH,
        [
            sys.executable, '-m', 'tools.nodes', 'watch', *options,
            '--names', names, '--bootstrap', bootstrap,
        ],
        {**os.environ, 'PYTHONPATH': str(CHECKOUT)},
        ready=watch.READY.exists,
    )
    started = process.start()
    processes.wait_ready([process])
    return started


def down() -> None:
    """Stop all machines, and keep their disks."""
    settings.PROCESSES.stop([layout.WATCH], _PATIENCE_AT_STOP)
    watch.sweep()


def reset() -> None:
    """Stop all machines, and remove their disks."""
    down()
    shutil.rmtree(layout.STATE, ignore_errors=True)


def find(name: str) -> Machine:
    """A machine by the name or the id of its server.

    :raises ToolError: there is none, or there are several.
    """
    found = [each for each in machine.saved() if name in (each.facts.name, each.facts.id)]
    if not found:
        raise ToolError(f'there is no machine {name}; "nodes list" has all')
    if len(found) > 1:
        ids = ', '.join(each.facts.id for each in found)
        raise ToolError(f'several machines are called {name}: {ids}')
    return found[0]


def _watch(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.WARNING, format='%(asctime)s %(levelname)s %(message)s')
    watch.LOG.setLevel(logging.INFO)
    stopping = _stopping()
    claim = watch.claim(arguments.coe or ['swarm'], arguments.names, arguments.bootstrap)
    layout.STATE.mkdir(parents=True, exist_ok=True)
    (settings.STATE / node_agent_claim.FILE).write_text(json.dumps(claim))
    watch.run(claim, stopping)


def _serve(port: int) -> None:
    stopping = _stopping()
    with web.running(build.programs(), settings.IP, port):
        stopping.wait()


def _stopping() -> threading.Event:
    """What is set when this process is told to stop."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _list() -> None:
    for each in machine.saved():
        state = 'running' if each.pid() else 'stopped'
        facts = each.facts
        print(f'{facts.name}  {state}  {facts.address}  {facts.coe}  {facts.id}  {each.console}')


def _act(found: Machine, action: str, arguments: object) -> None:
    try:
        Cloud().act(found.facts.id, action, arguments)
    except ClientException as error:
        raise ToolError(f'{found}: {error}') from error
    say(f'{found}: {action} asked of Nova')
