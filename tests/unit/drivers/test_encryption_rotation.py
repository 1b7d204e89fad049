"""Masters that encrypt with another key, and write anew what etcd has."""

import json
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from magnum.drivers.common.node.agent import encryption
from magnum.drivers.kubernetes.node import rewrite
from tests.unit.drivers.control_plane import KEY, Node

NEXT = 'YW5vdGhlciBrZXkgb2YgMzIgYnl0ZXMsIGZvciB0ZXM='
BOTH = (f'{KEY}\nbay-2 {NEXT}', f'bay-2 {NEXT}\n{KEY}')


def keys_of(node: Node) -> list[dict[str, str]]:
    (resource,) = yaml.safe_load((node.etc / 'encryption.yaml').read_text())['resources']
    found: list[dict[str, str]] = resource['providers'][0]['secretbox']['keys']
    return found


def service_account_key(node: Node) -> str:
    done = node.run('55-service-account-key')
    assert done.returncode == 0, done.stderr
    return (node.certificates / 'service-account.key').read_text()


@pytest.mark.parametrize('step', ['60-control-plane', 'keys_changed'])
@pytest.mark.parametrize(('text', 'names'), [
    (BOTH[0], ['bay', 'bay-2']), (BOTH[1], ['bay-2', 'bay']), (f'bay-2 {NEXT}\n', ['bay-2']),
])
def test_the_first_key_writes_and_all_read(
    tmp_path: pathlib.Path, step: str, text: str, names: list[str]
) -> None:
    node = Node(tmp_path)
    node.give_key(text)
    done = node.run(step)
    assert done.returncode == 0, done.stderr
    assert not any(key in done.stdout + done.stderr for key in (KEY, NEXT))
    by_name = {'bay': KEY, 'bay-2': NEXT}
    assert keys_of(node) == [{'name': name, 'secret': by_name[name]} for name in names]
    assert (node.etc / 'encryption.yaml').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('text', BOTH)
def test_a_new_master_reads_the_key_of_service_accounts_in_every_phase(
    tmp_path: pathlib.Path, text: str
) -> None:
    one, other = Node(tmp_path / 'one'), Node(tmp_path / 'other')
    one.give_key(KEY)
    first = service_account_key(one)
    (other.root / 'kept').write_text((one.root / 'kept').read_text())
    other.give_key(text)
    assert service_account_key(other) == first


def reencrypt(
    node: Node, program: str = 'print("secrets are written")', seconds: int = 20
) -> 'subprocess.CompletedProcess[str]':
    (node.root / 'opt/magnum/rewrite.py').write_text(program)
    return node.run('directives/reencrypt', MAGNUM_SECONDS=str(seconds))


def test_the_key_of_service_accounts_is_encrypted_anew(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    (node.root / 'usr/local/bin/etcdctl').write_text(
        (node.root / 'usr/local/bin/etcdctl').read_text().replace(
            'for word; do', 'for word; do [ "$word" != put ] || '
            f'{{ printf %s "${{@: -1}}" >{node.root}/kept; exit; }}',
        )
    )
    node.give_key(KEY)
    first = service_account_key(node)
    kept = [(node.root / 'kept').read_text()]
    node.give_key(BOTH[1])
    for _ in range(2):      # again, as after a crash
        done = reencrypt(node)
        assert done.returncode == 0, done.stderr + done.stdout
        assert 'secrets are written' in done.stdout
        kept.append((node.root / 'kept').read_text())
    assert kept[0] != kept[1] == kept[2]
    node.give_key(f'bay-2 {NEXT}')
    assert service_account_key(node) == first
    node.give_key(KEY)
    assert node.run('55-service-account-key').returncode != 0


def test_what_takes_too_long_says_so(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key(KEY)
    service_account_key(node)
    done = reencrypt(node, 'import time; time.sleep(30)', seconds=1)
    assert done.returncode != 0
    assert 'not all secrets were written anew in 1 s' in done.stdout + done.stderr


def test_a_failure_to_read_rewrites_nothing(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key(KEY)
    service_account_key(node)
    node.give_key(f'bay-2 {NEXT}')
    done = reencrypt(node)
    assert done.returncode != 0
    assert 'secrets are written' not in done.stdout


class Api(rewrite.Api):
    """Answers by methods and paths, each once; the last one stays."""

    def __init__(self, **answers: list[tuple[int, Any]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        self.asked.append((method, path, body and json.loads(body)))
        given = self.answers[method]
        return given.pop(0) if len(given) > 1 else given[0]


SECRET = {'metadata': {'namespace': 'default', 'name': 'one', 'resourceVersion': '7'}, 'data': {}}
NEWER = {**SECRET, 'data': {'a': 'Yg=='}}


def test_a_secret_that_was_changed_meanwhile_is_read_again() -> None:
    api = Api(PUT=[(409, {}), (200, {})], GET=[(200, NEWER)])
    assert rewrite.rewrite(api, SECRET)
    assert api.asked[-1][2]['data'] == NEWER['data']


@pytest.mark.parametrize('answers', [
    {'PUT': [(404, {})]}, {'PUT': [(409, {})], 'GET': [(404, {})]},
])
def test_a_secret_that_is_gone(answers: dict[str, Any]) -> None:
    assert not rewrite.rewrite(Api(**answers), SECRET)


@pytest.mark.parametrize('answers', [
    {'PUT': [(403, {'message': 'no'})]}, {'PUT': [(409, {})], 'GET': [(200, NEWER)]},
])
def test_a_secret_that_is_not_taken_is_named(answers: dict[str, Any]) -> None:
    with pytest.raises(rewrite.Failed, match='secret default/one') as error:
        rewrite.rewrite(Api(**answers), SECRET)
    assert 'Yg==' not in str(error.value)


def test_all_pages_are_read_and_begun_anew_when_one_is_too_late() -> None:
    one, two = {'kind': '1'}, {'kind': '2'}
    api = Api(GET=[
        (200, {'metadata': {'continue': 'a/b'}, 'items': [one]}), (410, {}),
        (200, {'metadata': {'continue': 'c'}, 'items': [one]}),
        (200, {'metadata': {}, 'items': [two]}),
    ])
    assert list(rewrite.pages(api)) == [[one], [one], [two]]
    assert [path.rpartition('=')[2] for _, path, _ in api.asked] == ['', 'a/b', '', 'c']


@pytest.mark.parametrize('text', [KEY, *BOTH, f'bay-2 {NEXT}'])
def test_keys_that_a_master_takes(text: str) -> None:
    assert encryption.KEYS.fullmatch(text)


@pytest.mark.parametrize('text', ['', 'x', f'{KEY} {KEY} {KEY}', f'a b {KEY}', f'"; x {KEY}'])
def test_keys_that_it_does_not_take(text: str) -> None:
    assert not encryption.KEYS.fullmatch(text)
