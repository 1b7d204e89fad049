"""Files that the contributors' documents name are there."""

import pathlib
import re

import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_PAGES = [
    *sorted((_ROOT / 'doc/source/contributor').glob('*.rst')),
    _ROOT / 'doc/source/architecture.rst', _ROOT / 'CONTRIBUTING.rst', _ROOT / 'README.rst',
]
#: ``a/path`` or ``a/path.py``, without words, placeholders or options.
_PATH = re.compile(r'``((?:[\w.-]+/)+(?!NN-)[\w.-]*)``')
#: Where a path of a page may begin.
_BASES = (
    '', 'magnum', 'magnum/drivers', 'magnum/drivers/kubernetes', 'magnum/drivers/mesos',
    'magnum/operations',
)


def _named(page: pathlib.Path) -> list[str]:
    return _PATH.findall(page.read_text())


def test_pages_name_files() -> None:
    assert sum(len(_named(page)) for page in _PAGES) > 60


@pytest.mark.parametrize('page', _PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: pathlib.Path) -> None:
    missing = [
        path for path in _named(page)
        if not any((_ROOT / base / path).exists() for base in _BASES)
    ]
    assert missing == []
