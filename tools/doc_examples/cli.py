"""The command line."""

import argparse
import os
import pathlib
import tempfile

from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.doc_examples import order, running
from tools.doc_examples.order import Session
from tools.doc_examples.pages import Block
from tools.doc_examples.running import Found
from tools.doc_examples.shell import Shell

_PASSED_ON = ('LANG', 'LC_ALL', 'PATH', 'TERM', 'TZ')
_PREFIXES_PASSED_ON = ('MAGNUM_', 'PIP_', 'UV_')
_PROXIES = ('http_proxy', 'https_proxy', 'no_proxy')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='doc-examples',
        description='Run the console blocks of the documents on a running quickstart.',
    )
    parser.add_argument(
        'page', nargs='*',
        help='a page, such as user/scaling, after the first one of its session (default: all)',
    )
    parser.add_argument('--list', action='store_true', help='what would be run, and what not')
    return parser


def _environment() -> dict[str, str]:
    """A reader's: nothing of this program's, and no account of a cloud."""
    kept = {
        name: value for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PREFIXES_PASSED_ON) or name.lower() in _PROXIES
    }
    own = str(CHECKOUT / '.venv/bin')
    return kept | {
        'PATH': ':'.join(p for p in kept['PATH'].split(':') if p != own),
        'SHELL': '/bin/bash',
        # Tables of clients are not broken at the width of nobody's terminal.
        'COLUMNS': '200',
    }


def _run_session(session: Session) -> list[Found]:
    pages = [(page, order.items(page)) for page in session.pages]
    results: list[Found] = []
    with tempfile.TemporaryDirectory() as home:
        shell = Shell(CHECKOUT, pathlib.Path(home), _environment())
        try:
            for page, items in pages:
                found = Found(page)
                results.append(found)
                try:
                    running.run(items, shell, found)
                finally:
                    _print(found)
        except ToolError:
            print(f'the other pages of the session {session.name} are not run')
        finally:
            shell.close()
    return results


def _print(found: Found) -> None:
    print(
        f'{found.page}: {found.run} run, {len(found.not_run)} not run, '
        f'{len(found.failed)} failed, {found.seconds:.0f} s', flush=True
    )
    for line in found.not_run:
        print(f'    not run, {line}')
    for text in found.failed:
        print('    failed, ' + text.replace('\n', '\n        '), flush=True)


def _list(sessions: list[Session]) -> None:
    for session in sessions:
        for page in session.pages:
            blocks = [item for item in order.items(page) if isinstance(item, Block)]
            left_out = [block for block in blocks if block.not_run]
            print(f'{page}: {len(blocks) - len(left_out)} to run, {len(left_out)} not run')
            for block in left_out:
                print(f'    not run, line {block.number}: {block.not_run}')


def run() -> int:
    """Run what the command line names; the exit code."""
    arguments = _parser().parse_args()
    sessions = order.chosen(order.sessions(), arguments.page)
    if arguments.list:
        _list(sessions)
        return 0
    results = [found for session in sessions for found in _run_session(session)]
    failed = sum(len(found.failed) for found in results)
    print(
        f'{sum(found.run for found in results)} blocks run, '
        f'{sum(len(found.not_run) for found in results)} not run, {failed} failed, '
        f'{sum(found.seconds for found in results):.0f} s'
    )
    return 1 if failed else 0
