"""The API server of a master asks whose a token is, as its webhook does."""

import base64
import json
import shutil
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from magnum.drivers.common.node.agent import logins
from magnum.drivers.common.node.agent.channel import Channel
from magnum.drivers.common.node.agent.node import Node
from tests.fakes.listening import listening
from tests.unit.drivers.agents import Answer, Service

TOKEN = 'gAAAAABn-a-token_of=='
EVE = {'name': 'keystone:default/eve', 'uid': '0e5e', 'groups': ['magnum:viewers']}


@pytest.fixture
def url(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(logins.Logins, 'channel', Channel(node), raising=False)
    server = logins.Server(node, 0)
    with listening(server):
        yield f'https://{logins.HOST}:{server.server_port}/'


def review(url: str, token: str) -> requests.Response:
    """As ``authentication.k8s.io/v1`` has it."""
    return post(url, json.dumps({
        'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview',
        'metadata': {'creationTimestamp': None}, 'spec': {'token': token}, 'status': {'user': {}},
    }))


def post(url: str, body: str) -> requests.Response:
    # What is trusted, and its names, are Kubernetes' to check.
    return requests.post(url, body, verify=False, timeout=20)   # noqa: S501


pytestmark = pytest.mark.filterwarnings('ignore:Unverified HTTPS request')


def status(answer: requests.Response) -> Any:
    assert answer.status_code == 200
    document = answer.json()
    assert (document['apiVersion'], document['kind']) == (
        'authentication.k8s.io/v1', 'TokenReview'
    )
    return document['status']


def test_the_service_says_whose_it_is(service: Service, url: str) -> None:
    service.answers = [Answer(document={'user': EVE})]
    assert status(review(url, TOKEN)) == {'authenticated': True, 'user': {
        'username': 'keystone:default/eve', 'uid': '0e5e', 'groups': ['magnum:viewers'],
    }}
    (said,) = service.said
    assert (said.tag, said.body) == ('magnum/login', {'token': TOKEN})


def test_nobodys(service: Service, url: str) -> None:
    service.answers = [Answer(document={'user': None})]
    assert status(review(url, TOKEN)) == {'authenticated': False}


def test_a_service_that_refuses(service: Service, url: str) -> None:
    service.answers = [Answer(401, code='magnum.bootstrap.refused')]
    found = status(review(url, TOKEN))
    assert found['authenticated'] is False
    assert 'magnum.bootstrap.refused' in found['error']
    assert TOKEN not in found['error']


def test_a_service_that_is_away(service: Service, url: str) -> None:
    service.answers = [Answer(503)]
    assert review(url, TOKEN).status_code == 503


def signed(claims: object) -> str:
    """A token of three parts."""
    parts = (json.dumps(part).encode() for part in ({'alg': 'ES256'}, claims))
    return '.'.join([*(base64.urlsafe_b64encode(part).decode().rstrip('=') for part in parts), 'x'])


@pytest.mark.parametrize('token', [
    signed({'iss': 'https://kubernetes.default.svc.cluster.local', 'sub': 'system:x'}),
    signed(['iss']), 'a.b.c', '', 'with blanks in it', 'gAAAA"', 'x\ny',
])
def test_tokens_that_are_not_keystones_are_told_to_nobody(
    service: Service, url: str, token: str
) -> None:
    assert status(review(url, token)) == {'authenticated': False}
    assert service.said == []


def test_keystones_signed_ones(service: Service, url: str) -> None:
    token = signed({'sub': 'eve', 'openstack_methods': ['password']})
    service.answers = [Answer(document={'user': EVE})]
    assert status(review(url, token))['authenticated'] is True


@pytest.mark.parametrize('body', ['', '{', '[]', '{"spec": {}}', '{"spec": null}'])
def test_what_is_no_review(service: Service, url: str, body: str) -> None:
    assert post(url, body).status_code == 400
    assert service.said == []


def test_the_certificate_is_the_one_that_there_is(
    service: Service, node: Node, url: str
) -> None:
    """A renewal replaces the file; while it has no certificate, nobody is answered."""
    address = (logins.HOST, int(url.rsplit(':', 1)[1].strip('/')))
    file = node.path(logins.CERTIFICATE)
    before = ssl.get_server_certificate(address)
    assert before.strip() == file.read_text().strip()
    kept = file.with_suffix('.kept')
    shutil.copy(file, kept)
    file.write_text('no certificate')
    with pytest.raises(requests.ConnectionError):
        review(url, TOKEN)
    kept.replace(file)
    assert ssl.get_server_certificate(address) == before
    assert service.said == []
