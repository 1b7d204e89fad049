"""Files and options that documents name are there."""

import pathlib
import re

import pytest

from magnum import conf

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


#: ``[section]option``
_OPTION = re.compile(r'\[(\w+)\](\w+)')
#: Of libraries, or of other services of the cloud, in a section that this one has, too.
_OF_OTHERS = {'reauthentication_auth_method', 'logging_context_format_string'}


def _options() -> dict[str, dict[str, bool]]:
    """Names of the service's options by section; whether each is mutable."""
    found: dict[str, dict[str, bool]] = {}
    for group, options in conf.list_opts():
        name = group if isinstance(group, str) else group.name
        found.setdefault(name, {}).update((option.dest, option.mutable) for option in options)
    return found


def test_options_that_guides_name_exist() -> None:
    options, named = _options(), 0
    for page in sorted((_ROOT / 'doc/source').rglob('*.rst')):
        for section, option in _OPTION.findall(page.read_text()):
            if section in options and option not in _OF_OTHERS:
                named += 1
                assert option in options[section], f'{page.name}: [{section}]{option}'
    assert named > 100


def test_the_guide_names_every_option_that_can_be_changed_without_a_restart() -> None:
    text = (_ROOT / 'doc/source/operator/running.rst').read_text()
    _, _, text = text.partition('SIGHUP takes over')
    rows = re.findall(r'(?m)^``\[(\w+)\]``((?:.+\n)(?: .+\n)*)', text.partition('Other changes')[0])
    told = {section: set(re.findall('``([a-z_]+)``', row)) for section, row in rows}
    for section, options in _options().items():
        mutable = {name for name, is_mutable in options.items() if is_mutable}
        told_of_ours = told.get(section, set()) & options.keys()
        assert told_of_ours == mutable, section


#: Kinds of events in the code: with a verb in a variable, or without an operation.
_EVENT = re.compile(
    r"""f?'bay\.(?:\{[\w.]+\}\.([a-z_]+)'|((?:node|release|credential)\.[a-z_]+)')"""
)


def test_the_guide_names_every_kind_of_event() -> None:
    text = (_ROOT / 'doc/source/user/operations.rst').read_text()
    code = '\n'.join(path.read_text() for path in sorted((_ROOT / 'magnum').rglob('*.py')))
    found = {of_verb or f'bay.{other}' for of_verb, other in _EVENT.findall(code)}
    assert {'accepted', 'not_admitted', 'bay.node.silent'} <= found
    assert {kind for kind in found if f'``{kind}``' not in text} == set()
