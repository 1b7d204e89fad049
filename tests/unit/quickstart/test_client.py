"""What the real client prints, and how it is understood."""

import subprocess
from collections.abc import Callable

import pytest

from tools.common.errors import ToolError
from tools.quickstart_steps import client

WARNING = """\
WARNING: Bay commands are deprecated and will be removed in a future release.
Use cluster commands to avoid seeing this message.
"""
LIST = f"""{WARNING}
+------+------+------------+--------------------+----------+
| uuid | name | node_count | status             | Stack Id |
+------+------+------------+--------------------+----------+
| u-1  | one  | 2          | CREATE_COMPLETE    | s-1      |
| u-2  | two  | 1          | CREATE_IN_PROGRESS | -        |
+------+------+------------+--------------------+----------+
"""
EMPTY_LIST = f"""{WARNING}
+------+------+
| uuid | name |
+------+------+
+------+------+
"""
DETAILS = f"""{WARNING}
+------------------+--------------------------------+
| Property         | Value                          |
+------------------+--------------------------------+
| name             | one                            |
| status_reason    | node 1: step 40 failed:        |
|                  | no space | left on device      |
| api_address      | -                              |
| master_addresses | ['172.24.1.57', '172.24.1.58'] |
+------------------+--------------------------------+
"""


def test_list() -> None:
    assert client.rows(LIST) == [
        {
            'uuid': 'u-1',
            'name': 'one',
            'node_count': '2',
            'status': 'CREATE_COMPLETE',
            'stack_id': 's-1',
        },
        {
            'uuid': 'u-2',
            'name': 'two',
            'node_count': '1',
            'status': 'CREATE_IN_PROGRESS',
            'stack_id': '',
        },
    ]


def test_empty_list() -> None:
    assert client.rows(EMPTY_LIST) == []


def test_properties() -> None:
    found = client.properties(DETAILS)
    assert found['status_reason'] == 'node 1: step 40 failed:\nno space | left on device'
    assert found['api_address'] == ''
    assert client.addresses(found['master_addresses']) == ['172.24.1.57', '172.24.1.58']


def test_no_addresses() -> None:
    assert client.addresses('') == []


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the client print something and end with a code."""

    def say(stdout: str = '', stderr: str = '', code: int = 0) -> None:
        result = subprocess.CompletedProcess([], code, stdout, stderr)
        monkeypatch.setattr(subprocess, 'run', lambda *_, **__: result)

    return say


def test_failed_command(says: Callable[..., None]) -> None:
    says(stderr=f'{WARNING}ERROR: Baymodel one could not be found.\n', code=1)
    with pytest.raises(ToolError, match='baymodel-show one: ERROR: Baymodel one could not'):
        client.magnum('baymodel-show', 'one')


def test_failed_command_that_says_nothing(says: Callable[..., None]) -> None:
    says(code=139)
    with pytest.raises(ToolError, match='baymodel-list: exit code 139'):
        client.magnum('baymodel-list')


def test_refused_bay(says: Callable[..., None]) -> None:
    says(stdout=f'{WARNING}Create for bay one failed: quota (HTTP 403)\n')
    with pytest.raises(ToolError, match=r'^Create for bay one failed: quota'):
        client.request_bay('--name', 'one')


def test_accepted_bay(says: Callable[..., None]) -> None:
    says(stdout=f'{WARNING}Request to create bay u-1 has been accepted.\n')
    client.request_bay('--name', 'one')
