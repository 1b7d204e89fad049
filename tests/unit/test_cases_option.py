"""The option ``--cases`` of these tests, with which "tools/test" runs fewer of them."""

import pathlib
import subprocess
import sys

import pytest

_TESTS = '''
import pytest

@pytest.mark.parametrize('one', range(5))
def test_of_five(one): pass

@pytest.mark.slow
@pytest.mark.parametrize('one', range(3))
def test_of_three(one): pass

@pytest.mark.parametrize('one', 'ab')
def test_of_two(one): pass

def test_of_one(): pass
'''
_ENDS = {
    'test_of_five[0]', 'test_of_five[4]', 'test_of_three[0]', 'test_of_three[2]',
    'test_of_two[a]', 'test_of_two[b]', 'test_of_one',
}
_BETWEEN = {f'test_of_five[{one}]' for one in (1, 2, 3)}


@pytest.mark.parametrize(('cases', 'between'), [
    ('all', _BETWEEN | {'test_of_three[1]'}), ('ends', set()), ('slow-ends', _BETWEEN),
])
def test_what_is_run(tmp_path: pathlib.Path, cases: str, between: set[str]) -> None:
    (tmp_path / 'pytest.ini').write_text('[pytest]\nmarkers = slow')
    (tmp_path / 'conftest.py').write_text(
        'from tests.conftest import pytest_addoption, pytest_collection_modifyitems'
    )
    (tmp_path / 'test_some.py').write_text(_TESTS)

    said = subprocess.run(
        [sys.executable, '-m', 'pytest', '-p', 'no:schemathesis',
         '--cases', cases, '--collect-only', '--quiet', '--rootdir', tmp_path, tmp_path],
        cwd=pathlib.Path(__file__).parents[2], capture_output=True, text=True,
    ).stdout

    found = {line.partition('::')[2] for line in said.splitlines() if '::' in line}
    assert found == _ENDS | between, said
