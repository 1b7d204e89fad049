"""A bay's access beside what is in a kubeconfig file already."""

import base64
import os
import pathlib
from typing import Any

import pytest
import yaml
from osc_lib import exceptions
from osc_magnum import files, kubeconfig

_OTHERS = {
    'apiVersion': 'v1',
    'kind': 'Config',
    'clusters': [{'name': 'work', 'cluster': {'server': 'https://work', 'tls-server-name': 'w'}}],
    'users': [{'name': 'me', 'user': {'exec': {'command': 'login', 'args': ['ü']}}}],
    'contexts': [{'name': 'work', 'context': {'cluster': 'work', 'user': 'me'}}],
    'current-context': 'work',
    'extensions': [{'name': 'mine', 'extension': {'kept': True}}],
}
_SERVICE = """
clusters: [{name: first, cluster: {server: 'https://192.0.2.1:6443',
            certificate-authority-data: Q0E=}}]
users: [{name: admin, user: {client-certificate-data: Q0VSVA==, client-key: key.pem}}]
"""


def access(context: str = 'first', uuid: str = 'u1', key: str = 'KEY') -> kubeconfig.Access:
    return kubeconfig.access(uuid, context, _SERVICE, key)


def merge(path: pathlib.Path, **more: Any) -> dict[str, Any]:
    options = {'use': False, 'replace': False, **more}
    new = options.pop('new', access())
    kubeconfig.merge([path], new, **options)
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def named(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item['name']: item for item in items}


def test_a_new_file_has_the_bay_alone_and_current(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'new' / 'config'
    document = merge(path)
    assert document['current-context'] == 'first'
    (user,) = document['users']
    assert base64.b64decode(user['user']['client-key-data']) == b'KEY'
    assert 'client-key' not in user['user']
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ['config']


def test_what_others_have_in_the_file_stays(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'config'
    path.write_text(yaml.safe_dump(_OTHERS))
    path.chmod(0o644)
    document = merge(path)
    for kind in ('clusters', 'users', 'contexts'):
        assert document[kind][0] == _OTHERS[kind][0]
        assert len(document[kind]) == 2
    assert document['extensions'] == _OTHERS['extensions']
    assert document['current-context'] == 'work'
    assert path.stat().st_mode & 0o777 == 0o600
    assert merge(path, use=True)['current-context'] == 'first'


def test_the_same_bay_again_takes_its_own_place(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'config'
    path.write_text(yaml.safe_dump(_OTHERS))
    document = merge(path)
    named(document['contexts'])['first']['context']['namespace'] = 'mine'
    path.write_text(yaml.safe_dump(document))
    document = merge(path, new=access(key='NEXT'))
    assert [len(document[kind]) for kind in ('clusters', 'users', 'contexts')] == [2, 2, 2]
    assert named(document['contexts'])['first']['context']['namespace'] == 'mine'
    data = named(document['users'])['bay-u1']['user']['client-key-data']
    assert base64.b64decode(data) == b'NEXT'


def test_a_context_of_others_is_replaced_on_demand_only(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'config'
    path.write_text(yaml.safe_dump(_OTHERS))
    before = path.read_bytes()
    with pytest.raises(exceptions.CommandError, match='--context'):
        merge(path, new=access('work'))
    assert path.read_bytes() == before
    assert not path.with_name('config.lock').exists()
    document = merge(path, new=access('work'), replace=True)
    assert named(document['contexts'])['work']['context']['cluster'] == 'bay-u1'
    # Another bay of the same name is somebody else as well.
    with pytest.raises(exceptions.CommandError, match='--context'):
        merge(path, new=access('work', uuid='u2'))


@pytest.mark.parametrize(
    'text', ['- a list', 'clusters: 5', 'clusters: [{no: name}]', 'a: [unclosed', '"text"']
)
def test_a_file_that_is_no_kubeconfig_is_left_alone(text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'config'
    path.write_text(text)
    with pytest.raises(exceptions.CommandError, match=str(path)):
        merge(path)
    assert path.read_text() == text


@pytest.mark.parametrize('text', ['', '# nothing\n', 'clusters: null\nusers: null\n'])
def test_a_file_without_content_is_filled(text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'config'
    path.write_text(text)
    assert [cluster['name'] for cluster in merge(path)['clusters']] == ['bay-u1']


def test_the_file_is_the_one_that_kubectl_would_choose(tmp_path: pathlib.Path) -> None:
    one, two, three = (tmp_path / name for name in ('one', 'two', 'three'))
    home = tmp_path / 'home'
    assert kubeconfig.paths({}, home) == [home / '.kube/config']
    paths = kubeconfig.paths({'KUBECONFIG': f'{one}{os.pathsep}{two}{os.pathsep}'}, home)
    assert paths == [one, two]
    assert kubeconfig.merge([one, two], access(), False, False).path == two
    assert kubeconfig.merge([one, two], access('b', 'u2'), False, False).path == two
    three.write_text('')
    assert kubeconfig.merge([three, two], access('c', 'u3'), False, False).path == three
    # One that has the bay already.
    assert kubeconfig.merge([three, two], access(), False, False).path == two


def test_a_link_stays_a_link(tmp_path: pathlib.Path) -> None:
    target, link = tmp_path / 'target', tmp_path / 'link'
    target.write_text(yaml.safe_dump(_OTHERS))
    link.symlink_to(target)
    merge(link)
    assert link.is_symlink()
    assert len(yaml.safe_load(target.read_text())['clusters']) == 2


def test_a_file_that_another_program_changes_is_waited_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, 'PATIENCE', 0.2)
    (tmp_path / 'config.lock').touch()
    with pytest.raises(exceptions.CommandError, match='remove that file'):
        merge(tmp_path / 'config')
    assert (tmp_path / 'config.lock').exists()


def test_without_tls_there_is_no_key() -> None:
    text = 'clusters: [{name: a, cluster: {server: "http://a"}}]\nusers: [{name: b, user: {}}]'
    assert kubeconfig.access('u', 'a', text, 'KEY').user == {}
