"""A directive that shows what becomes of templates of other clouds.

``.. magnum-templates::`` makes a table of ``user/templates.yaml``, each entry
of which a test creates.
"""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_FILE = 'user/templates.yaml'


class Templates(SphinxDirective):
    """``.. magnum-templates::``."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        file = pathlib.Path(self.env.srcdir) / _FILE
        self.env.note_dependency(str(file))
        return self.parse_text_to_nodes('\n'.join(_lines(yaml.safe_load(file.read_text()))))


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    """reStructuredText of the table."""
    yield from (
        '.. list-table::', '   :header-rows: 1', '   :widths: 12 20 44 24', '',
        '   * - Cloud or tool', '     - What it is', '     - What is asked for', '     - Outcome',
    )
    for case in data['templates']:
        labels = {
            **case['template'].get('labels', {}), **case.get('cluster', {}).get('labels', {})
        }
        asked = {**case['template'], **case.get('cluster', {}), 'labels': labels}
        yield f'   * - {case["who"]}'
        yield f'     - {case["what"]}'
        yield f'     - {_asked(asked)}'
        yield f'     - {_outcome(case, data["reasons"])}'


def _asked(values: Mapping[str, Any]) -> str:
    plain = [f'``{name}={value}``' for name, value in values.items() if name != 'labels']
    labels = [f'``{name}={value}``' for name, value in values['labels'].items()]
    parts = [', '.join(plain)] if plain else []
    if labels:
        parts.append(f'labels {", ".join(labels)}')
    return '; '.join(parts) or 'the defaults'


def _outcome(case: Mapping[str, Any], reasons: Mapping[str, str]) -> str:
    outcome = case.get('outcome', 'accepted')
    if outcome != 'accepted':
        return f'{outcome}: {reasons[case["because"]]}'
    idle = ', '.join(f'``{name}``' for name in case.get('idle', ()))
    return f'accepted; without effect: {idle}' if idle else 'accepted'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive('magnum-templates', Templates)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
