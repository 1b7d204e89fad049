"""``release-notes``: the notes of all releases."""

from typing import Any

import changelog
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class ReleaseNotes(SphinxDirective):
    """The notes, in the place of the directive."""

    def run(self) -> list[nodes.Node]:
        """One section for each release."""
        return self.parse_text_to_nodes(changelog.report(title=None), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive('release-notes', ReleaseNotes)
    return {'parallel_read_safe': True}
