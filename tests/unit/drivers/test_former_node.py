"""A new worker has Kubernetes forget the one before it of its name, once."""

import pathlib

import pytest

from magnum.drivers.contract import WORKER
from tests.unit.drivers.test_lasting_services import Started


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Started:
    """A worker that has just registered; its API server notes what it is asked."""
    made = Started(tmp_path, WORKER)
    curl = tmp_path / 'usr/local/bin/curl'
    curl.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\necho 404\n')
    (made.certificates / 'renewal.key').write_text('a key')
    return made


def test_its_key_is_for_one_call(node: Started) -> None:
    """cloud-init may run again: then the node that there is would be forgotten."""
    asked = node.root / 'asked'
    for _ in range(2):
        status, said = node.step(WORKER)
        assert status == 0, said
        (call,) = asked.read_text().splitlines()
        assert '-X DELETE' in call
        assert f'--key {node.certificates}/renewal.key' in call
    assert not (node.certificates / 'renewal.key').exists()
