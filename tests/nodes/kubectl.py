"""kubectl, as a user runs it beside the files of a bay's configuration."""

import json
import os
import pathlib
import subprocess
from typing import Any

from tests.functional.people import Person
from tests.nodes import docker

_TIMEOUT = 120  # seconds


class Kubectl:
    """The client with one kubeconfig.

    :param program: kubectl itself.
    :param folder: of ``config`` and ``key.pem``.
    :param inside: what is put before the command, to run it in a network.
    """

    def __init__(
        self, program: pathlib.Path, folder: pathlib.Path, inside: tuple[str, ...] = ()
    ):
        self.program = program
        self.folder = folder
        self._inside = inside

    def __call__(self, *words: str, stdin: str = '') -> str:
        """Run a command that has to succeed; what it prints."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f'kubectl {words}: {done.stdout} {done.stderr}'
        return done.stdout.strip()

    def run(
        self, *words: str, stdin: str = '', timeout: float = _TIMEOUT
    ) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [*self._inside, self.program, '--kubeconfig', self.folder / 'config', *words],
            input=stdin, capture_output=True, text=True, timeout=timeout,
            env={'PATH': os.defpath, 'HOME': str(self.folder)},
        )

    def json(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self(*words, '--output', 'json'))

    def nodes(self) -> dict[str, str]:
        """By name, whether each node is ready: True, False or Unknown."""
        return {
            node['metadata']['name']: next(
                condition['status'] for condition in node['status']['conditions']
                if condition['type'] == 'Ready'
            )
            for node in self.json('get', 'nodes')['items']
        }

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """Pods that run and are ready."""
        return [
            pod for pod in self.json('get', 'pods', '--selector', selector)['items']
            if 'deletionTimestamp' not in pod['metadata'] and any(
                condition['type'] == 'Ready' and condition['status'] == 'True'
                for condition in pod['status'].get('conditions', ())
            )
        ]


def configured(
    person: Person, bay: str, program: pathlib.Path, folder: pathlib.Path
) -> Kubectl:
    """The client of a bay, by what the service answers to a request made here."""
    docker.fetch(person, bay, folder, 'system:masters')
    return Kubectl(program, folder)
