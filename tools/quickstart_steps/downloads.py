"""The web server from which nodes of the Kubernetes bay download."""

import os

from tools.common import network, processes
from tools.common.place import CHECKOUT
from tools.common.processes import Process
from tools.devcloud import settings
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import environment_with

NAME = 'nodes-downloads'
ADDRESS = f'{settings.IP}:{settings.DOWNLOADS_PORT}'


def start() -> None:
    """Serve, unless that is done already."""
    process = Process(
        layout.PROCESSES, NAME,
        [
            layout.VENV / 'bin/python', '-m', 'tools.nodes', 'serve',
            '--port', str(settings.DOWNLOADS_PORT),
        ],
        environment_with({'PYTHONPATH': os.fspath(CHECKOUT)}),
        ports=(settings.DOWNLOADS_PORT,),
        ready=lambda: network.answers_http(settings.DOWNLOADS_PORT),
    )
    if process.start():
        processes.wait_ready([process])
