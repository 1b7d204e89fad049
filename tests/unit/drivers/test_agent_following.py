"""A node's agent asks, signing, what the bay trusts, and for certificates anew."""

import hashlib
import pathlib
from typing import Any

import pytest
from cryptography import x509

from magnum.drivers.common.node.agent import following
from magnum.drivers.common.node.agent.channel import Channel, Gone
from magnum.drivers.common.node.agent.node import Node, ProgramFailed
from tests.unit.drivers import agents
from tests.unit.drivers.agents import Answer, Program, Service


def issued(service: Service, *purposes: str) -> Answer:
    """Certificates, whatever the key."""
    key = service.authority.key.public_key()
    return Answer(document={
        'certificates': {purpose: service.authority.issue(key) for purpose in purposes}
    })


@pytest.mark.parametrize('trusted', ['', 'authorities'])
def test_it_says_what_it_trusts_and_hears_what_to_trust(
    node: Node, service: Service, trusted: str
) -> None:
    if trusted:
        node.write(node.certificate('trusted'), trusted)
    service.answers = [
        Answer(document={'authorities': 'others'}), Answer(document={'authorities': None}),
    ]
    assert following.authorities(node, Channel(node)) == 'others'
    assert following.authorities(node, Channel(node)) == ''
    for said in service.said:
        assert said.path.endswith('/authorities')
        assert said.tag == 'magnum/authorities'
        assert said.body == {'trusts': hashlib.sha256(trusted.encode()).hexdigest()}


@pytest.mark.parametrize('answer', [{}, {'authorities': ''}, {'authorities': 7}])
def test_an_answer_without_authorities_is_none(
    node: Node, service: Service, answer: Any
) -> None:
    service.answers = [Answer(document=answer)]
    with pytest.raises(ProgramFailed, match='no authorities'):
        following.authorities(node, Channel(node))


def test_all_certificates_are_asked_for_at_once(node: Node, service: Service) -> None:
    node.key('client').write_bytes(node.key('server').read_bytes())
    answer = issued(service, 'server', 'client')
    service.answers = [answer]
    given = following.reissued(node, Channel(node), ['server', 'client'])
    assert given == answer.document['certificates']
    (said,) = service.said
    assert (said.path.rpartition('/')[2], said.tag) == ('certificates', 'magnum/certificates')
    assert said.body.keys() == {'requests'}
    assert said.body['requests'].keys() == {'server', 'client'}
    for pem in said.body['requests'].values():
        assert x509.load_pem_x509_csr(pem.encode()).is_signature_valid


@pytest.mark.parametrize('given', [
    None, [], {}, {'server': None}, {'other': 'pem'}, {'server': 'pem', '../../key': 'pem'},
])
def test_other_certificates_than_were_asked_for_are_not_taken(
    node: Node, service: Service, given: Any
) -> None:
    service.answers = [Answer(document={'certificates': given})]
    with pytest.raises(ProgramFailed, match='other certificates'):
        following.reissued(node, Channel(node), ['server'])


def test_masters_wait_for_their_turn(tmp_path: pathlib.Path, service: Service) -> None:
    of_roles = {
        role: following.patience(
            agents.make_node(tmp_path / role, service.url, MAGNUM_NODE_ROLE=role)
        )
        for role in ('master', 'worker')
    }
    assert of_roles == {'master': (360, 5.0), 'worker': (4, 5.0)}


def test_the_bay_is_gone(node: Node, service: Service) -> None:
    service.answers = [Answer(410, code='magnum.bootstrap.gone')] * 2
    with pytest.raises(Gone):
        following.authorities(node, Channel(node))
    with pytest.raises(Gone):
        following.reissued(node, Channel(node), ['server'])


def test_the_program_prints_authorities_and_writes_certificates(
    node: Node, service: Service, tmp_path: pathlib.Path
) -> None:
    program = Program(tmp_path)
    service.answers = [
        Answer(document={'authorities': 'first\nsecond\n'}), Answer(document={'authorities': None}),
        issued(service, 'server'), Answer(401, code='magnum.bootstrap.refused'),
    ]
    first, second = program.run('authorities'), program.run('authorities')
    assert (first.returncode, first.stdout) == (0, 'first\nsecond\n')
    assert (second.returncode, second.stdout) == (0, '')
    folder = tmp_path / 'new'
    done = program.run('certificates', str(folder), 'server')
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    (file,) = folder.iterdir()
    assert file.name == 'server.pem'
    assert x509.load_pem_x509_certificate(file.read_bytes())
    assert file.stat().st_mode & 0o777 == 0o600
    assert program.run('authorities').returncode == 86
