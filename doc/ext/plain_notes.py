"""``release-notes`` for a tree without git, where reno has nothing to read."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class ReleaseNotes(SphinxDirective):
    """Says where the notes are."""

    def run(self) -> list[nodes.Node]:
        """One paragraph."""
        return self.parse_text_to_nodes(
            'Built from a tree without git, which alone knows what belongs to which release. '
            'The notes are in ``releasenotes/notes``.'
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive('release-notes', ReleaseNotes)
    return {'parallel_read_safe': True}
