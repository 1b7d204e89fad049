"""What users type, and what is made of it."""

import argparse
import datetime

import pytest
from osc_lib import exceptions
from osc_magnum import keys, options
from osc_magnum.commands.config import environment


def test_times() -> None:
    assert options.moment('2026-01-31T12:00') == '2026-01-31T12:00:00+00:00'
    assert options.moment('2026-01-31T12:00+02:00') == '2026-01-31T12:00:00+02:00'
    ago = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(
        options.moment('2h')
    )
    assert 7190 < ago.total_seconds() < 7300


@pytest.mark.parametrize('text', ['yesterday', '5y', '', '99999999999d'])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.moment(text)


@pytest.mark.parametrize('text', ['nothing', '=value', ''])
def test_what_is_no_pair(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.pair(text)


@pytest.mark.parametrize(('text', 'taint'), [
    ('only=batch:NoSchedule', {'key': 'only', 'value': 'batch', 'effect': 'NoSchedule'}),
    ('only:NoExecute', {'key': 'only', 'effect': 'NoExecute'}),
    ('only=:NoExecute', {'key': 'only', 'value': '', 'effect': 'NoExecute'}),
    ('a/b=c:d:NoExecute', {'key': 'a/b', 'value': 'c:d', 'effect': 'NoExecute'}),
])
def test_taints(text: str, taint: dict[str, str]) -> None:
    assert options.taint(text) == taint


@pytest.mark.parametrize('text', ['only', 'only=batch', 'only:', ':NoSchedule', '=batch:NoExecute'])
def test_what_is_no_taint(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.taint(text)


def test_numbers() -> None:
    assert options.pair('a=b=c') == ('a', 'b=c')
    assert options.count('0') == 0
    for kind, text in ((options.count, '-1'), (options.positive, '0')):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)


def test_a_subject_is_written_as_openssl_takes_it() -> None:
    assert keys.name('/O=system:masters/CN=admin').rfc4514_string() == 'CN=admin,O=system:masters'


@pytest.mark.parametrize('subject', ['', 'CN=admin', '/', '/CN', '/XX=a', '/C=Germany', '/CN='])
def test_what_is_no_subject(subject: str) -> None:
    with pytest.raises(exceptions.CommandError, match='--subject'):
        keys.new(subject)


def test_variables_of_a_file() -> None:
    text = "export DOCKER_HOST=tcp://192.0.2.1:2376\nexport A='b c' # why\n"
    assert environment(text) == {'DOCKER_HOST': 'tcp://192.0.2.1:2376', 'A': 'b c'}
