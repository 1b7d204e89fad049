"""The command line, and the order of what is done."""

import argparse
import functools
import io
import os
import shutil
import sys

from tools.common import command
from tools.common.command import say
from tools.common.errors import ToolError
from tools.devcloud import settings
from tools.quickstart_steps import (
    bays,
    checks,
    cloud,
    configuration,
    environment,
    layout,
    machines,
    magnum,
    summary,
    watch,
    workloads,
)
from tools.quickstart_steps.progress import Phases, run_through

#: The steps of a first run, with the seconds of two idle cores.
_USUAL = {
    'system packages': 50, "Magnum's environment": 15, 'development cloud': 95, 'Magnum': 5,
    'nodes': 95, 'bays': 45,
}
#: More of them for bays whose nodes are real machines, by COE.
_MORE = {'kubernetes': 100}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='quickstart',
        description='Try Magnum out on this machine: an OpenStack cloud without guests, Magnum, '
        'and a bay of each kind.',
        epilog='Without a command: up. MAGNUM_PYTHON names another Python; '
        'MAGNUM_QUICKSTART_DIR, MAGNUM_DEVCLOUD_DIR and MAGNUM_DEVCLOUD_PORT_OFFSET move '
        'where all lives, and its ports.',
    )
    parser.add_argument(
        'command',
        nargs='?',
        default='up',
        choices=('up', 'down', 'status', 'reset'),
        help='up: install, start and build what is missing; down: stop all, keep the data; '
        'status: what runs; exit code 1 if not all does; reset: remove everything',
    )
    parser.add_argument(
        '--real-backends',
        action='store_true',
        help='run Magnum as operators do, on MariaDB and RabbitMQ, with two processes of the '
        'API and two conductors (default: one process, SQLite)',
    )
    parser.add_argument(
        '--nodes',
        choices=machines.WAYS,
        default=machines.AUTO,
        help='real: nodes of the Swarm bay are machines that boot (needs root), and those of the '
        'Kubernetes bay once its programs are built; played: an agent plays all nodes; auto: '
        'real where that is possible (default: %(default)s)',
    )
    return parser


def _refuse() -> None:
    raise ToolError('another quickstart is at work; wait for its end')


def _up(real_backends: bool, nodes: str) -> None:
    """Do all that is missing; raise an error if a bay is not well in the end."""
    expected = machines.possible(nodes) if machines.profiles(nodes) else ()
    more = sum(_MORE.get(coe, 0) for coe in expected)
    phases = Phases({**_USUAL, 'bays': _USUAL['bays'] + more})
    magnum.require_mode(real_backends)
    checks.check()
    with phases.phase('system packages'):
        run_through(layout.SYSTEM_PACKAGES, *machines.profiles(nodes))
        real = machines.decide(nodes)
    with phases.phase("Magnum's environment"):
        environment.install()
    with phases.phase('development cloud'):
        cloud.up()
    with phases.phase('Magnum'):
        configuration.write(real_backends, any_kubernetes=machines.is_built())
        for name in magnum.start(real_backends):
            say(f'   {name} started')
        summary.write_openrc()
    with phases.phase('nodes'):
        if real and machines.start(real):
            say(f'   nodes of {" and ".join(real)} are real machines that boot here')
        if magnum.start_node_agent():
            say('   node agent started: it plays the nodes that nothing boots')
    with phases.phase('bays'):
        bays.ensure(machines.labels(real))
        watch.until_built(functools.partial(
            magnum.require_alive, real_backends, machines.KUBERNETES in real
        ))
    failed = summary.print_bays()
    if not failed:
        for coe in real:
            workloads.show(coe, f'quickstart-{coe}')
    summary.print_directions()
    say('; '.join(f'{name} {elapsed:.0f} s' for name, elapsed in phases.seconds.items()))
    if failed:
        raise ToolError(
            f'not built: {", ".join(failed)}; the reason is above. After "magnum bay-delete" '
            'of it another run builds it anew'
        )


def _down() -> None:
    stopped = magnum.stop()
    say(f'stopped {", ".join(stopped)}' if stopped else 'Magnum was not running')
    if not cloud.down():
        say('the development cloud is left alone: it was not started by quickstart')


def _reset() -> None:
    _down()
    say('removing files, which may take a minute')
    if not cloud.remove():
        say(
            'the cloud that is left keeps the stacks of the bays; to remove it, too: '
            f'{layout.shown(layout.DEVCLOUD)} reset --all'
        )
    shutil.rmtree(layout.ROOT)
    say(f'removed {layout.ROOT}')


def _status() -> bool:
    """Print what runs; return whether all does."""
    lines = magnum.describe()
    print('\n'.join(lines) if lines else 'Magnum does not run')
    is_whole = cloud.status() and magnum.is_whole()
    if is_whole:
        summary.print_bays()
    return is_whole


def _run(arguments: argparse.Namespace) -> bool:
    if arguments.command == 'status':
        return _status()
    checks.require_directory(layout.ROOT)
    with command.lock(layout.LOCK, _refuse):
        match arguments.command:
            case 'up':
                _up(arguments.real_backends, arguments.nodes)
            case 'down':
                if magnum.running() and cloud.is_ours():
                    watch.before_stop()
                _down()
            case 'reset':
                _reset()
    return True


def _keep_off_proxies() -> None:
    """Let pip and apt use a proxy, and nothing that is on this machine."""
    exceptions = [os.environ.get('no_proxy', ''), settings.IP]
    os.environ['no_proxy'] = ','.join(filter(None, exceptions))


def run() -> int:
    """Run the command that the command line names; the exit code."""
    arguments = _parser().parse_args()
    _keep_off_proxies()
    # Our lines and those of the commands we run keep their order in a pipe, too.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return 0 if _run(arguments) else 1
