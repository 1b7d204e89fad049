"""The WSGI module in a process of its own, as a server loads it."""

import pathlib
import subprocess
import sys

_ASKED_TWICE = """
from magnum.wsgi.api import application
for _ in range(2):
    try:
        application({}, None)
    except Exception as error:
        print(type(error).__name__)
"""


def test_an_error_of_the_configuration_is_told_at_each_request(tmp_path: pathlib.Path) -> None:
    configuration = tmp_path / 'magnum.conf'
    configuration.write_text('[database]\nconnection = sqlite://\n')

    answer = subprocess.run(
        [sys.executable, '-c', _ASKED_TWICE],
        capture_output=True, text=True,
        env={'OS_MAGNUM_CONFIG_FILES': str(configuration)},
    )

    assert answer.stdout.split() == ['EncryptionKeyMissing'] * 2, answer.stderr
