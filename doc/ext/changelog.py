"""The release notes as one text, newest release first: ``-m doc.ext.changelog [FILE]``.

A note is of the release that is being written, or of the one in its name:
``release-1.0.0-<id>.yaml`` is what the notes of 1.0.0 were merged into. So neither
tags nor history are needed, which do not travel with every clone and archive.
"""

import pathlib
import re
import sys
from typing import Any, Final

import yaml
from reno import config, formatter

from magnum.version import VERSION

_ROOT: Final = pathlib.Path(__file__).resolve().parents[2]
_TITLE: Final = 'Magnum: changes by release'


class _Notes:
    """The notes of the tree, in the place of those that reno finds in git."""

    def __init__(self, folder: pathlib.Path, sections: set[str]):
        self._read = {path.name: yaml.safe_load(path.read_text()) for path in folder.glob('*.yaml')}
        for name, note in self._read.items():
            unknown = sorted(note.keys() - sections)
            if unknown:
                raise ValueError(f'{name}: there is no section {", ".join(unknown)}')
        self._of: dict[str, list[tuple[str, str]]] = {}
        # Merged notes first: their prelude and features introduce the rest.
        for name in sorted(self._read, key=lambda name: (not name.startswith('release-'), name)):
            release = re.match(r'release-(\d+\.\d+\.\d+)-', name)
            self._of.setdefault(release[1] if release else VERSION, []).append((name, ''))
        self.versions = sorted(
            self._of, key=lambda version: [int(part) for part in version.split('.')], reverse=True
        )

    def __getitem__(self, version: str) -> list[tuple[str, str]]:
        return self._of[version]

    def parse_note_file(self, name: str, sha: str) -> Any:
        """The sections of a note."""
        return self._read[name]


def report(title: str | None = _TITLE) -> str:
    """The notes of all releases as reStructuredText.

    :param title: none for a page that has one.
    """
    settings = config.Config(str(_ROOT), 'releasenotes')
    sections = {section.name for section in settings.sections} | {settings.prelude_section_name}
    notes = _Notes(_ROOT / settings.notespath, sections)
    text: str = formatter.format_report(
        notes, settings, notes.versions, title=title, show_source=False
    )
    return text


if __name__ == '__main__':
    if sys.argv[1:]:
        pathlib.Path(sys.argv[1]).write_text(report())
    else:
        print(report())
