"""The command line, and the order of what is done."""

import argparse

from tools.common import command, machine, network
from tools.common.command import say
from tools.common.errors import ToolError
from tools.devcloud import settings
from tools.horizon_steps import environment, layout
from tools.horizon_steps.panel import Panel

# In GiB, measured and rounded up.
_DISK = 1.0
_MEMORY = 0.4


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='horizon',
        description='Horizon with the panels of Magnum, beside a development cloud that runs.',
        epilog='Without a command: up. MAGNUM_DEVCLOUD_NAME names the cloud; the default is that '
        'of tools/quickstart. MAGNUM_HORIZON_DIR moves where all lives.',
    )
    parser.add_argument(
        'command',
        nargs='?',
        default='up',
        choices=('up', 'down', 'status'),
        help='up: install and start what is missing; down: stop it; status: whether it runs; '
        'exit code 1 if it does not',
    )
    return parser


def _require_cloud() -> None:
    for name, port in (
        ('the development cloud', settings.CATALOGUE['keystone'].port),
        ('Magnum', settings.MAGNUM_PORT),
    ):
        if not network.listening(port):
            raise ToolError(f'{name} does not run (port {port}); run tools/quickstart first')


def _up(panel: Panel) -> None:
    _require_cloud()
    if not layout.VENV.exists():
        machine.require_disk(layout.ROOT, _DISK)
    if not panel.pid():
        machine.require_memory(_MEMORY)
    environment.install()
    say('Horizon started' if panel.start() else 'Horizon runs already')
    print(f"""
URL:            {panel.url}
User, password: {layout.USER}, {settings.PASSWORD} (a plain member)
                {layout.ADMINISTRATOR}, {settings.PASSWORD} (for quotas)
Log:            {panel.home.logs}/""")


def _status(panel: Panel) -> bool:
    pid = panel.pid()
    print(f'Horizon runs: {panel.url}, pid {pid}' if pid else 'Horizon does not run')
    return bool(pid)


def run() -> int:
    """Run the command that the command line names; the exit code."""
    arguments = _parser().parse_args()
    panel = Panel(layout.STATE, settings.HORIZON_PORT)
    if arguments.command == 'status':
        return 0 if _status(panel) else 1
    layout.ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    with command.lock(layout.LOCK, lambda: say('waiting for another horizon command to end')):
        if arguments.command == 'up':
            _up(panel)
        else:
            say('Horizon stopped' if panel.stop() else 'Horizon was not running')
    return 0
