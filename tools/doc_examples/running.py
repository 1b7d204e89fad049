"""How a page is run, and what is found."""

import dataclasses
import re
import time
from collections.abc import Iterable

from tools.common.errors import ToolError
from tools.doc_examples.pages import Block, Command, File
from tools.doc_examples.shell import Shell

#: For one command; clients that wait for a bay take the longest.
COMMAND_SECONDS = 1200
PAUSE_SECONDS = 5
#: What varies, with the blanks beside it: in a table they fill a column.
_ELLIPSIS = re.compile(r'\s*(?<!\.)\.{3}(?!\.)\s*')
_RULES_OF_TABLES = re.compile(r'-{3,}')


@dataclasses.dataclass
class Found:
    """What became of a page's blocks."""

    page: str
    run: int = 0
    not_run: list[str] = dataclasses.field(default_factory=list)
    failed: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


def is_as_shown(shown: str, output: str) -> bool:
    """Whether an output is what a page shows.

    ``...`` is any text. Blanks and line breaks count as one blank, and rules of
    tables have any length.
    """
    pieces = _ELLIPSIS.split(_plain(shown))
    pattern = '.*'.join(map(re.escape, pieces))
    return re.fullmatch(pattern, _plain(output), re.DOTALL) is not None


def _plain(text: str) -> str:
    return ' '.join(_RULES_OF_TABLES.sub('---', text).split())


def run(
    items: Iterable[Block | File], shell: Shell, found: Found, pause: float = PAUSE_SECONDS
) -> None:
    """Run a page; a block that fails does not keep the later ones from being run.

    :param found: what is known of the page; filled, also when the shell is lost.
    :param pause: seconds before a command is repeated.
    :raises ToolError: the shell is lost.
    """
    began = time.monotonic()
    try:
        for item in items:
            if isinstance(item, File):
                shell.write(item.name, item.text)
            elif item.not_run:
                found.not_run.append(f'line {item.number}: {item.not_run}')
            else:
                found.run += 1
                fault = _fault(item, shell, pause)
                if fault:
                    found.failed.append(f'line {item.number}: {fault}')
    except ToolError as error:
        found.failed.append(str(error))
        raise
    finally:
        found.seconds = time.monotonic() - began


def _fault(block: Block, shell: Shell, pause: float) -> str:
    """Why a block is not as the page shows it; empty if it is."""
    for command in block.commands:
        last = command is block.commands[-1]
        until = time.monotonic() + block.minutes * 60 * last
        while fault := _difference(command, shell, block.fails and last):
            if time.monotonic() >= until:
                return fault
            time.sleep(pause)
    return ''


def _difference(command: Command, shell: Shell, fails: bool) -> str:
    code, output = shell.run(command.line, COMMAND_SECONDS)
    if bool(code) != fails:
        expected = 'another code than 0' if fails else '0'
        return f'$ {command.line}\nended with {code}, not with {expected}:\n{output}'
    if command.output and not is_as_shown(command.output, output):
        return f'$ {command.line}\nshown:\n{command.output}\nfound:\n{output}'
    return ''

