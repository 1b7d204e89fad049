"""A directive that shows what became of clients' commands.

``.. magnum-clients:: CLIENT ...`` makes a table of ``user/clients.json``,
which tests/functional/clients records: a row for a command, a column for a
client, and under the table what does not work, and why.
"""

import json
import pathlib
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOG = logging.getLogger(__name__)

Entries = dict[str, dict[str, dict[str, str]]]

_WORKS = 'works'
_FILE = 'user/clients.json'


class Clients(SphinxDirective):
    """``.. magnum-clients:: CLIENT ...``."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        """The table, and the reasons."""
        file = pathlib.Path(self.env.srcdir) / _FILE
        self.env.note_dependency(str(file))
        table: Entries = json.loads(file.read_text())
        clients = self.arguments[0].split()
        for client in clients:
            if client not in table:
                LOG.warning('%s says nothing of %s', _FILE, client, location=self.get_location())
        text = _text({client: table.get(client, {}) for client in clients})
        node = nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), str(file)), 0, node)
        return node.children


def _text(table: Entries) -> str:
    """reStructuredText of some clients' columns."""
    commands = sorted({command for column in table.values() for command in column})
    reasons: list[str] = []
    lines = [
        '.. list-table::', '   :header-rows: 1', '', '   * - Command',
        *(f'     - {client.rpartition("-")[2]}' for client in table),
    ]
    for command in commands:
        lines.append(f'   * - ``{command}``')
        lines += [f'     - {_cell(column.get(command), reasons)}' for column in table.values()]
    lines.append('')
    for number, reason in enumerate(reasons, 1):
        lines += [f'({number}) {reason}', '']
    return '\n'.join(lines)


def _cell(entry: dict[str, str] | None, reasons: list[str]) -> str:
    if entry is None:
        return '\u2013'
    if entry['outcome'] == _WORKS:
        return 'works'
    why = entry['why']
    if why not in reasons:
        reasons.append(why)
    return f'{entry["outcome"]} ({reasons.index(why) + 1})'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive('magnum-clients', Clients)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
