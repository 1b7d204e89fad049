"""Runs the programs of the clients' environments, and reads what they print."""

import json
import os
import re
import subprocess
from typing import Any

from tests.functional.people import Person
from tools.devcloud import settings

_TIMEOUT = 240

#: (client, command) of all that was run.
RAN: set[tuple[str, str]] = set()


class Output:
    """What a command printed, and how it ended."""

    def __init__(self, done: 'subprocess.CompletedProcess[str]'):
        self.command = done.args
        self.code = done.returncode
        self.printed = done.stdout
        self.complaints = done.stderr

    def __repr__(self) -> str:
        return f'{self.command}\nended with {self.code}\n{self.printed}\n{self.complaints}'

    @property
    def text(self) -> str:
        """All of it, with the client's own wrapping of lines undone."""
        return ' '.join((self.printed + self.complaints).split())

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of a printed table, by its header."""
        cells = [
            [cell.strip() for cell in line.strip().strip('|').split('|')]
            for line in self.printed.splitlines() if line.startswith('|')
        ]
        return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]

    @property
    def fields(self) -> dict[str, str]:
        """A printed object: a table of two columns."""
        return {row['Property']: row['Value'] for row in self.rows}

    @property
    def json(self) -> Any:
        """The document that was printed, maybe after a sentence."""
        begin = min(i for i in map(self.printed.find, '[{') if i >= 0)
        return json.loads(self.printed[begin:])

    @property
    def pem(self) -> str:
        """The certificate that was printed."""
        found = re.search(
            r'-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----\n', self.printed, re.DOTALL
        )
        assert found, self
        return found[0]

    @property
    def exports(self) -> dict[str, str]:
        """What a shell that evaluates the output would export."""
        return dict(re.findall(r'export (\w+)=(\S+)', self.printed))


class Shell:
    """A person at one client's program.

    :param client: of ``environments.CLIENTS``.
    """

    program = 'magnum'

    def __init__(self, client: str, person: Person):
        self.client = client
        self.person = person

    def __call__(self, command: str, *arguments: str, code: int = 0) -> Output:
        """Run a command, which must end with that exit code."""
        output = self.run(*self.words(command), *map(str, arguments))
        assert output.code == code, output
        RAN.add((self.client, command))
        return output

    def refused(self, command: str, *arguments: str) -> str:
        """Run a command that must fail; what it says of it."""
        return self(command, *arguments, code=1).text

    def run(self, *words: str) -> Output:
        environment = {k: v for k, v in os.environ.items() if not k.startswith('OS_')}
        done = subprocess.run(
            [str(settings.CLIENTS / self.client / 'bin' / self.program), *words],
            env={**environment, **self.environment(), 'PYTHONWARNINGS': 'ignore'},
            capture_output=True, text=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL,
        )
        return Output(done)

    def words(self, command: str) -> list[str]:
        return [command]

    def environment(self) -> dict[str, str]:
        # Before Keystone's third version a project was called a tenant.
        project = self.person.openrc.get('OS_PROJECT_NAME')
        return {**self.person.openrc, **({'OS_TENANT_NAME': project} if project else {})}

    def commands(self) -> set[str]:
        """What the program offers, by its own word."""
        words = self.run('bash-completion').printed.split()
        return {word for word in words if not word.startswith('-')}


class OpenStack(Shell):
    """``openstack coe ...``."""

    program = 'openstack'

    def words(self, command: str) -> list[str]:
        return ['coe', *command.split()]

    def environment(self) -> dict[str, str]:
        return self.person.openrc

    def show(self, command: str, *arguments: str) -> Any:
        """A command that prints objects; what it printed."""
        return self(command, *arguments, '-f', 'json').json

    def commands(self) -> set[str]:
        groups = json.loads(self.run('command', 'list', '-f', 'json').printed)
        return {
            command.removeprefix('coe ')
            for group in groups for command in group['Commands'] if command.startswith('coe ')
        }
