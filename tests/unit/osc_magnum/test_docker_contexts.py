"""Contexts of docker, as the docker client keeps them."""

import hashlib
import json
import pathlib

import pytest
from osc_lib import exceptions
from osc_magnum import docker_contexts

_BAY = {'uuid': 'u1', 'name': 'swarm'}
_PEMS = {'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY'}
_HOST = 'tcp://192.0.2.1:2376'


def write(
    place: pathlib.Path, name: str = 'swarm', uuid: str = 'u1', replace: bool = False
) -> None:
    docker_contexts.write(place, name, {**_BAY, 'uuid': uuid}, _HOST, _PEMS, replace)


def test_a_context_is_where_docker_looks(tmp_path: pathlib.Path) -> None:
    write(tmp_path)
    digest = hashlib.sha256(b'swarm').hexdigest()
    document = json.loads((tmp_path / 'contexts/meta' / digest / 'meta.json').read_text())
    assert document['Name'] == 'swarm'
    assert document['Endpoints']['docker'] == {'Host': _HOST, 'SkipTLSVerify': False}
    tls = tmp_path / 'contexts/tls' / digest / 'docker'
    assert {file.name: file.read_text() for file in tls.iterdir()} == _PEMS
    assert (tls / 'key.pem').stat().st_mode & 0o777 == 0o600


def test_the_current_context_is_changed_on_demand_only(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'config.json').write_text('{"auths": {"r": {"auth": "x"}}}')
    write(tmp_path)
    assert json.loads((tmp_path / 'config.json').read_text()) == {'auths': {'r': {'auth': 'x'}}}
    docker_contexts.use(tmp_path, 'swarm')
    assert json.loads((tmp_path / 'config.json').read_text()) == {
        'auths': {'r': {'auth': 'x'}}, 'currentContext': 'swarm',
    }


def test_a_context_of_others_is_replaced_on_demand_only(tmp_path: pathlib.Path) -> None:
    write(tmp_path)
    write(tmp_path)
    with pytest.raises(exceptions.CommandError, match='--context'):
        write(tmp_path, uuid='u2')
    write(tmp_path, uuid='u2', replace=True)
    with pytest.raises(exceptions.CommandError, match='--context'):
        write(tmp_path)


@pytest.mark.parametrize('name', ['default', 'a b', 'x', '-a', '../up', ''])
def test_names_that_docker_does_not_take(name: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(exceptions.CommandError, match='--context'):
        write(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_no_json_are_left_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'config.json').write_text('{')
    with pytest.raises(exceptions.CommandError, match='no JSON'):
        docker_contexts.use(tmp_path, 'swarm')


def test_where_docker_keeps_its_things(tmp_path: pathlib.Path) -> None:
    assert docker_contexts.home({}, tmp_path) == tmp_path / '.docker'
    assert docker_contexts.home({'DOCKER_CONFIG': '/d'}, tmp_path) == pathlib.Path('/d')
