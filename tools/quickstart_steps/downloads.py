"""The web server from which nodes of the Kubernetes bay download."""

import os

from tools.common import network, processes
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.common.processes import Process
from tools.devcloud import settings
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import environment_with

NAME = 'nodes-downloads'
ADDRESS = f'{settings.IP}:{settings.DOWNLOADS_PORT}'


def start() -> None:
    """Serve, unless that is done already."""
    process = _process()
    if process.start():
        processes.wait_ready([process])


def require_alive() -> None:
    """Raise an error if the server has died: nodes wait for it until their time is over."""
    process = _process()
    if not process.pid():
        raise ToolError(
            f'{process.name} has died; a second run starts it again. The last lines of '
            f'{process.log}:\n{processes.tail(process.log)}'
        )


def _process() -> Process:
    return Process(
        layout.PROCESSES, NAME,
        [
            layout.VENV / 'bin/python', '-m', 'tools.nodes', 'serve',
            '--port', str(settings.DOWNLOADS_PORT),
        ],
        environment_with({'PYTHONPATH': os.fspath(CHECKOUT)}),
        ports=(settings.DOWNLOADS_PORT,),
        ready=lambda: network.answers_http(settings.DOWNLOADS_PORT),
    )
