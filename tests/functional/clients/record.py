"""What became of each command of each client, as the tests found it.

A test says with ``covers`` which commands it is about and how they end. When
it passes, that goes into the record; ``test_table.py`` holds the record to
the table of the user guide, ``doc/source/user/clients.json``. To record the
table anew::

    MAGNUM_RECORD_CLIENTS=1 pytest -p no:randomly tests/functional/clients
"""

import json
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

WORKS = 'works'
DEFECT = 'defect of the client'
NOT_OFFERED = 'not offered'

#: client -> command -> outcome
Table = dict[str, dict[str, dict[str, str]]]

FILE = pathlib.Path(__file__).parents[3] / 'doc/source/user/clients.json'
RECORDING = bool(os.environ.get('MAGNUM_RECORD_CLIENTS'))
MARKER = 'covers'


def covers(*commands: str, outcome: str = WORKS, why: str = '') -> pytest.MarkDecorator:
    """Marks a test, or all of a class, with the commands that it is about.

    :param why: of another outcome than WORKS, a sentence for users.
    """
    assert (outcome == WORKS) == (not why), 'what does not work is explained'
    mark: pytest.MarkDecorator = getattr(pytest.mark, MARKER)
    return mark(commands=commands, outcome=outcome, why=why)


def client_of(item: pytest.Item) -> str:
    """The client that a test is about: what its module calls CLIENT."""
    module = item.getparent(pytest.Module)
    assert module is not None
    return str(module.obj.CLIENT)


def declared(items: Iterable[pytest.Item]) -> Table:
    """What the tests say of commands.

    :raises AssertionError: two tests say different things of one command.
    """
    table: Table = {}
    for item in items:
        for marker in item.iter_markers(MARKER):
            said: Mapping[str, Any] = marker.kwargs
            entry = {'outcome': said['outcome']}
            if said['why']:
                entry['why'] = said['why']
            of_client = table.setdefault(client_of(item), {})
            for command in said['commands']:
                before = of_client.setdefault(command, entry)
                assert before == entry, f'{item.nodeid}: {command}: {before} and {entry}'
    return {client: dict(sorted(table[client].items())) for client in sorted(table)}


def untested(items: Iterable[pytest.Item], client: str, offered: Iterable[str]) -> set[str]:
    """What a client offers and no test covers."""
    return set(offered) - declared(items).get(client, {}).keys()


def load() -> Table:
    """The table of the user guide."""
    table: Table = json.loads(FILE.read_text()) if FILE.exists() else {}
    return table


def save(table: Table, file: pathlib.Path = FILE) -> None:
    file.write_text(json.dumps(table, indent=1, sort_keys=True) + '\n')
