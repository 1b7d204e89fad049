"""What of a page is run: its console blocks and files, read with docutils.

A console block has commands after ``$ ``; lines after ``> `` continue one, as
do those after a backslash. All other lines are the output of the command above
them. A code block with a caption is a file of that name.

A comment right before a block says how it is run:

``.. not run: <reason>``
    It is not.
``.. not run on this page: <reason>``
    Anywhere in a page: no block of it is.
``.. repeat for <n> min``
    As a reader looks again: its last command, until the output is as shown.
``.. fails``
    Its last command ends with another code than 0.
"""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives

from tools.common.errors import ToolError

_PROMPT = '$ '
_CONTINUATION = '> '
_NEVER_STOP = 5
_CONSOLE = 'console'
_CONSOLE_LINE = re.compile(r'^\s*\.\. (?:code-block|code|sourcecode):: console\s*$', re.MULTILINE)
_NOT_RUN = 'not run: '
_PAGE_NOT_RUN = 'not run on this page: '
_FAILS = 'fails'
_REPEAT = re.compile(r'repeat for (\d+) min')
_ORDERS = re.compile(r'not run|repeat|fails')


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line, and the output that the page shows, if any."""

    line: str
    output: str


@dataclasses.dataclass(frozen=True)
class File:
    """A block that is a file."""

    number: int
    name: str
    text: str


@dataclasses.dataclass(frozen=True)
class Block:
    """A console block.

    :ivar number: its line in the page.
    :ivar not_run: why it is not run; empty if it is.
    :ivar minutes: for how long its last command is repeated.
    :ivar fails: whether its last command is to fail.
    """

    number: int
    commands: tuple[Command, ...]
    not_run: str = ''
    minutes: int = 0
    fails: bool = False


class _CodeBlock(Directive):
    """``code-block`` with Sphinx's options; docutils has others."""

    optional_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = {
        'caption': directives.unchanged,
        'class': directives.class_option,
        'dedent': directives.unchanged,
        'emphasize-lines': directives.unchanged,
        'force': directives.flag,
        'lineno-start': directives.unchanged,
        'linenos': directives.flag,
        'name': directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """The block, with its language, caption and line."""
        node = nodes.literal_block('\n'.join(self.content), '\n'.join(self.content))
        node['language'] = self.arguments[0] if self.arguments else ''
        node['caption'] = self.options.get('caption', '')
        node.line = self.lineno
        return [node]


for _name in ('code-block', 'code', 'sourcecode'):
    directives.register_directive(_name, _CodeBlock)


def read(path: pathlib.Path) -> list[Block | File]:
    """The blocks and files of a page, in order.

    :raises ToolError: a block or a comment about one is ill-formed.
    """
    text = path.read_text()
    # Roles and directives of Sphinx are unknown here, and do not matter.
    tree = publish_doctree(text, str(path), settings_overrides={
        'report_level': _NEVER_STOP, 'halt_level': _NEVER_STOP, 'file_insertion_enabled': False,
    })
    found = list(_found(tree, path.name))
    consoles = sum(isinstance(item, Block) for item in found)
    written = len(_CONSOLE_LINE.findall(text))
    if consoles != written:
        raise ToolError(
            f'{path}: {written} console blocks, of which {consoles} '
            'can be read: the others are within directives of Sphinx'
        )
    return found


def _found(tree: nodes.document, page: str) -> Iterator[Block | File]:
    orders = [node.astext() for node in tree.findall(nodes.comment)]
    reasons = [text for text in orders if text.startswith(_PAGE_NOT_RUN)]
    of_page = reasons[0].removeprefix(_PAGE_NOT_RUN).replace('\n', ' ') if reasons else ''
    for node in tree.findall(nodes.literal_block):
        where = f'{page}, line {node.line}'
        if node.get('language') == _CONSOLE:
            yield _block(node, of_page, where)
        elif node.get('caption') and not of_page:
            yield File(node.line or 0, node['caption'], f'{node.astext()}\n')


def _block(node: nodes.literal_block, of_page: str, where: str) -> Block:
    not_run, minutes, fails = of_page, 0, False
    for order in _orders(node):
        if order.startswith(_NOT_RUN):
            not_run = order.removeprefix(_NOT_RUN)
        elif match := _REPEAT.fullmatch(order):
            minutes = int(match[1])
        elif order == _FAILS:
            fails = True
        elif _ORDERS.match(order) and not order.startswith(_PAGE_NOT_RUN):
            raise ToolError(f'{where}: the comment {order!r} is not understood')
    commands = tuple(_commands(node.astext(), where if not not_run else ''))
    if minutes and not commands[-1].output:
        raise ToolError(f'{where}: what is repeated needs an output to wait for')
    return Block(node.line or 0, commands, not_run, minutes, fails)


def _orders(node: nodes.Node) -> Iterator[str]:
    """The comments right before a block, each on one line."""
    siblings = node.parent.children
    for before in reversed(siblings[:siblings.index(node)]):
        if not isinstance(before, nodes.comment):
            return
        yield ' '.join(before.astext().split())


def _commands(text: str, where: str) -> Iterator[Command]:
    """The commands of a block.

    :param where: the block, if it has to begin with a command.
    """
    lines: list[str] = []
    output: list[str] = []
    for line in text.splitlines():
        if line.startswith(_PROMPT):
            if lines:
                yield Command('\n'.join(lines), '\n'.join(output))
            lines, output = [line.removeprefix(_PROMPT)], []
        elif lines and not output and (
            lines[-1].endswith('\\') or line.startswith(_CONTINUATION)
        ):
            lines.append(line.removeprefix(_CONTINUATION))
        elif lines:
            output.append(line)
        elif where:
            raise ToolError(f'{where}: {line!r} stands before the first command ("{_PROMPT}")')
    if lines:
        yield Command('\n'.join(lines), '\n'.join(output))
