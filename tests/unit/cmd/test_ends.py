"""Programs that cannot run say why in one line, and how badly by their exit code."""

import os
import pathlib

import pytest

from tests.unit.cmd import programs

# Each test starts programs.
pytestmark = pytest.mark.slow

SERVICES = ('magnum-api', 'magnum-conductor', 'magnum-all-in-one')
STATUS = ('magnum-status', 'upgrade', 'check')
DB_MANAGE = ('magnum-db-manage', 'version')
DRIVER_MANAGE = ('magnum-driver-manage', 'list-drivers')

#: Fault -> what it changes in the complete configuration.
FAULTS: dict[str, dict[str, dict[str, str | None]]] = {
    'nothing configured': {
        'certificates': {'encryption_keys': None}, 'database': {'connection': None},
        'keystone_auth': {'auth_type': None}, 'keystone_authtoken': {'auth_type': None},
    },
    'unknown value': {'openstack_client': {'interface': 'sideways'}},
    'number that is none': {'conductor': {'threads': 'many'}},
    'unreachable database': {
        'database': {'connection': 'mysql+pymysql://magnum:hush@127.0.0.1:1/magnum'},
    },
    'database without a driver': {'database': {'connection': 'mysql+nodriver://x:hush@h/m'}},
    'database port that is none': {
        'database': {'connection': 'mysql+pymysql://magnum:x@127.0.0.1:hush/magnum'},
    },
    'HTTPS without a key': {'api': {'enabled_ssl': 'true', 'ssl_cert_file': '/cert.pem'}},
    'no database URL': {'database': {'connection': 'hush'}},
    'missing encryption key': {'certificates': {'encryption_keys': None}},
    'encryption key that is none': {'certificates': {'encryption_keys': 'aHVzaA=='}},
    'unwritable state path': {
        'DEFAULT': {'state_path': '{directory}/magnum.conf/state'},
        'database': {'connection': 'sqlite:///$state_path/magnum.sqlite'},
    },
    'unknown account plugin': {'keystone_auth': {'auth_type': 'magic'}},
    'lease too short': {'conductor': {'lease': '3'}},
}

CONFIG, UNAVAILABLE, CANTCREAT = os.EX_CONFIG, os.EX_UNAVAILABLE, os.EX_CANTCREAT

#: Fault -> (exit codes of api, conductor and all in one, a word of their line).
OF_SERVICES: dict[str, tuple[tuple[int, ...], str]] = {
    'nothing configured': ((CONFIG, CONFIG, CONFIG), 'encryption_keys'),
    'unknown value': ((CONFIG, CONFIG, CONFIG), 'sideways'),
    'unreachable database': ((UNAVAILABLE, UNAVAILABLE, UNAVAILABLE), '127.0.0.1'),
    'database port that is none': ((CONFIG, CONFIG, CONFIG), '[database]connection'),
    'HTTPS without a key': ((CONFIG, CONFIG, CONFIG), 'ssl_key_file'),
    'missing encryption key': ((CONFIG, CONFIG, CONFIG), 'encryption_keys'),
    'unwritable state path': ((UNAVAILABLE, UNAVAILABLE, CANTCREAT), ''),
}

#: Faults that all meet in the same place.
OF_CONDUCTOR = {
    'number that is none': 'threads',
    'database without a driver': 'nodriver',
    'no database URL': 'URL',
    'encryption key that is none': 'encryption_keys',
    'lease too short': '[conductor]lease',
}

CASES = [
    (script, fault, codes[place], word)
    for fault, (codes, word) in OF_SERVICES.items()
    for place, script in enumerate(SERVICES)
] + [('magnum-conductor', fault, CONFIG, word) for fault, word in OF_CONDUCTOR.items()]


@pytest.mark.parametrize(
    ('script', 'fault', 'code', 'word'), CASES, ids=[f'{case[0]}: {case[1]}' for case in CASES]
)
def test_services(tmp_path: pathlib.Path, script: str, fault: str, code: int, word: str) -> None:
    ended = programs.finish(script, '--config-file', str(_config(tmp_path, fault)))
    line = _last_line(ended.stderr)
    assert ended.returncode == code, ended.stderr
    assert line.startswith(f'{script}: ')
    assert word in line
    assert 'hush' not in ended.stderr


def test_an_account_that_no_plugin_knows(tmp_path: pathlib.Path) -> None:
    config = _config(tmp_path, 'unknown account plugin')
    programs.finish('magnum-db-manage', '--config-file', str(config), 'upgrade')
    ended = programs.finish('magnum-conductor', '--config-file', str(config))
    assert ended.returncode == CONFIG, ended.stderr
    assert 'magic' in _last_line(ended.stderr)


#: Of the others: (program, fault, exit code, a word of what it says).
OF_TOOLS = (
    (DB_MANAGE, 'unknown value', CONFIG, 'sideways'),
    (DB_MANAGE, 'unreachable database', UNAVAILABLE, '127.0.0.1'),
    (DB_MANAGE, 'database without a driver', CONFIG, 'nodriver'),
    (DB_MANAGE, 'database port that is none', CONFIG, '[database]connection'),
    (DB_MANAGE, 'unwritable state path', UNAVAILABLE, 'unable to open'),
    (DB_MANAGE, 'missing encryption key', 0, 'None'),
    (DRIVER_MANAGE, 'unknown value', 1, 'sideways'),
    (DRIVER_MANAGE, 'unreachable database', 0, ''),
    (DRIVER_MANAGE, 'missing encryption key', 0, ''),
    (STATUS, 'nothing configured', 2, 'encryption_keys'),
    (STATUS, 'unknown value', 2, 'sideways'),
    (STATUS, 'unreachable database', 2, '127.0.0.1'),
    (STATUS, 'database without a driver', 2, 'nodriver'),
    (STATUS, 'missing encryption key', 2, 'encryption_keys'),
    (STATUS, 'unwritable state path', 2, 'unable to open'),
)


@pytest.mark.parametrize(
    ('command', 'fault', 'code', 'word'), OF_TOOLS, ids=[f'{c[0]}: {f}' for c, f, _, _ in OF_TOOLS]
)
def test_tools(
    tmp_path: pathlib.Path, command: tuple[str, ...], fault: str, code: int, word: str
) -> None:
    config = _config(tmp_path, fault)
    option = ('--config-file', str(config))
    ended = programs.finish(command[0], *option, *command[1:])
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert word in ended.stdout.replace('\n', ' ') + ended.stderr
    assert 'Traceback' not in ended.stdout + ended.stderr
    assert 'hush' not in ended.stdout + ended.stderr


def test_an_empty_database_wants_the_schema(tmp_path: pathlib.Path) -> None:
    ended = programs.finish('magnum-api', '--config-file', str(programs.write(tmp_path)))
    assert ended.returncode == CONFIG, ended.stderr
    assert 'magnum-db-manage upgrade' in _last_line(ended.stderr)


@pytest.mark.parametrize('workers', ['1', '2'])
def test_an_unreadable_policy(tmp_path: pathlib.Path, workers: str) -> None:
    """Found by a worker: the program ends, it does not start it again for ever."""
    rules = tmp_path / 'policy.yaml'
    rules.write_text('{ not: yaml: at all')
    config = programs.write(tmp_path, {'api': {'workers': workers}})
    with open(config, 'a') as file:
        file.write(f'[oslo_policy]\npolicy_file = {rules}\n')
    programs.finish('magnum-db-manage', '--config-file', str(config), 'upgrade')
    ended = programs.finish('magnum-api', '--config-file', str(config))
    assert ended.returncode == CONFIG, ended.stderr
    assert 'policy.yaml' in ended.stderr
    assert 'Traceback' not in ended.stderr


def test_a_missing_file(tmp_path: pathlib.Path) -> None:
    ended = programs.finish('magnum-api', '--config-file', str(tmp_path / 'nowhere.conf'))
    assert ended.returncode == CONFIG, ended.stderr
    assert 'nowhere.conf' in _last_line(ended.stderr)


def _config(directory: pathlib.Path, fault: str) -> pathlib.Path:
    changes = FAULTS[fault]
    config = programs.write(directory, changes)
    with open(config, 'a') as file:
        for section in changes.keys() - programs.COMPLETE.keys():
            file.write(f'[{section}]\n')
            file.writelines(f'{name} = {value}\n' for name, value in changes[section].items())
    if fault == 'nothing configured':
        with open(config, 'a') as file:     # not where a real service keeps its state
            file.write(f'[DEFAULT]\nstate_path = {directory}/none\n')
    return config


def _last_line(stderr: str) -> str:
    assert 'Traceback' not in stderr, stderr
    return stderr.strip().splitlines()[-1]
