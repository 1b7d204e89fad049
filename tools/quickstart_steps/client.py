"""The real ``magnum`` command, and what its tables say."""

import ast
import pathlib
import subprocess
from collections.abc import Iterator

from tools.common.errors import ToolError
from tools.devcloud import settings
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import environment_with

_TIMEOUT = 120  # seconds; starting the command alone takes one or two
_NOTHING = ('-', 'None')


def magnum(*arguments: str) -> str:
    """Run one command as the plain member; return what it prints.

    :raises ToolError: it failed.
    """
    return _run(layout.CLIENT, *arguments)


def _run(program: pathlib.Path, *arguments: str) -> str:
    words = f'{program.name} {" ".join(arguments)}'
    try:
        result = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            env=environment_with(settings.openrc(layout.USER)),
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f'{words}: no answer in {_TIMEOUT} s') from error
    if result.returncode:
        said = result.stderr.strip().splitlines() or [f'exit code {result.returncode}']
        raise ToolError(f'{words}: {said[-1]}')
    return result.stdout


def openstack(*arguments: str) -> str:
    """Run one command of today's client as the plain member; return what it prints.

    :raises ToolError: it failed.
    """
    return _run(layout.OPENSTACK_CLIENT, *arguments)


def request_bay(*arguments: str) -> None:
    """Ask for a bay.

    :raises ToolError: it was refused, which the exit code does not tell.
    """
    output = magnum('bay-create', *arguments)
    if 'has been accepted' not in output:
        raise ToolError(output.strip().splitlines()[-1])


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table with one header line.

    The client writes ``Stack Id`` for a column that was asked for as stack_id.
    """
    header, *lines = _cells(table)
    names = [name.lower().replace(' ', '_') for name in header]
    return [dict(zip(names, line, strict=True)) for line in lines]


def properties(table: str) -> dict[str, str]:
    """A table of names and values; a value may take several lines."""
    found: dict[str, str] = {}
    name = ''
    for key, value in list(_cells(table, 2))[1:]:
        name = key or name
        found[name] = value if key else f'{found[name]}\n{value}'
    return found


def _cells(table: str, columns: int = 0) -> Iterator[list[str]]:
    """The cells of each row.

    :param columns: how many there are, if the last may have a ``|`` in it.
    """
    for line in table.splitlines():
        if line.startswith('|'):
            cells = [cell.strip() for cell in line[1:-1].split(' | ', columns - 1)]
            yield ['' if cell in _NOTHING else cell for cell in cells]


def addresses(value: str) -> list[str]:
    """A list as the client writes it."""
    return [str(address) for address in ast.literal_eval(value)] if value else []
