"""Requests that nodes sign: who is taken, refused, bounded."""

import base64
import json
import random
import time
from collections.abc import Callable

import pytest
from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import (
    NODE,
    REFUSED,
    Reporting,
    delete_bay,
    error_of,
    row,
)


def test_a_good_signature(node: Reporting) -> None:
    assert node.report().status_int == 200


def _another_key(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
    stranger = Reporting(node.app, node.bay_uuid, node.name)
    return stranger.headers(body, 'magnum/report')


def _keyid(which: Callable[[Reporting], str]) -> Callable[..., dict[str, str]]:
    return lambda headers, node, body: node.headers(body, 'magnum/report', keyid=which(node))


def _put(name: str, old: str, new: str) -> Callable[..., dict[str, str]]:
    def put(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
        assert old in headers[name]
        return {**headers, name: headers[name].replace(old, new)}

    return put


def _without(name: str) -> Callable[..., dict[str, str]]:
    return lambda headers, node, body: {key: value for key, value in headers.items()
                                        if key != name}


def _random_signature(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
    noise = base64.b64encode(random.randbytes(64)).decode()
    return {**headers, 'Signature': f'magnum=:{noise}:'}


WRONG: dict[str, Callable[..., dict[str, str]]] = {
    'no digest': _without('Content-Digest'),
    'no input': _without('Signature-Input'),
    'no signature': _without('Signature'),
    'another key': _another_key,
    'another signature': _random_signature,
    'a signature of zeros': lambda headers, node, body: {
        **headers, 'Signature': f'magnum=:{base64.b64encode(bytes(64)).decode()}:'
    },
    'a short signature': lambda headers, node, body: {**headers, 'Signature': 'magnum=:AAAA:'},
    'another body': lambda headers, node, body: node.headers(body + b' ', 'magnum/report'),
    'another digest': _put('Content-Digest', 'sha-256', 'sha-512'),
    'another label': _put('Signature', 'magnum', 'sig1'),
    'another label of the input': _put('Signature-Input', 'magnum=', 'sig1='),
    'two signatures': _put('Signature-Input', 'magnum=', 'a=("@method");created=1, magnum='),
    'the method alone': _put('Signature-Input', ' "content-digest"', ''),
    'more components': _put('Signature-Input', '"@method"', '"@method" "@path"'),
    'another order': _put(
        'Signature-Input', '"@method" "content-digest"', '"content-digest" "@method"'
    ),
    'another algorithm': _put('Signature-Input', 'ecdsa-p256-sha256', 'hmac-sha256'),
    'no algorithm': _put('Signature-Input', ';alg="ecdsa-p256-sha256"', ''),
    'another time than is signed': _put('Signature-Input', 'created=1', 'created=2'),
    'a parameter more': _put('Signature-Input', ';alg=', ';expires=9999999999;alg='),
    'another tag': lambda headers, node, body: node.headers(body, 'magnum/result/x'),
    'a tag of others': lambda headers, node, body: node.headers(body, 'web-bot-auth'),
    'no nonce': lambda headers, node, body: {
        **headers, 'Signature-Input': headers['Signature-Input'].replace('nonce', 'once')
    },
    'another method': lambda headers, node, body: node.headers(
        body, 'magnum/report', method='PUT'
    ),
    'another bay': _keyid(lambda node: f'{"0" * 8}-0000-4000-8000-{"0" * 12}/worker/{NODE}'),
    'another role': _keyid(lambda node: f'{node.bay_uuid}/master/{NODE}'),
    'a role that is none': _keyid(lambda node: f'{node.bay_uuid}/admin/{NODE}'),
    'another node': _keyid(lambda node: f'{node.bay_uuid}/worker/node-2'),
}


@pytest.mark.parametrize('what', sorted(WRONG))
def test_every_wrong_part_is_refused(node: Reporting, session: orm.Session, what: str) -> None:
    body = json.dumps(node.said()).encode()
    headers = WRONG[what](node.headers(body, 'magnum/report'), node, body)
    assert error_of(node.send('report', body, headers)) == REFUSED
    assert row(session).heard_at is None


def test_who_is_not_known_is_refused_in_the_same_words(
    node: Reporting, nodes: Nodes, bay: models.Bay
) -> None:
    strangers = (
        Reporting(nodes.app, bay.uuid, 'node-2'), Reporting(nodes.app, bay.uuid, NODE),
        Reporting(nodes.app, '00000000-0000-4000-8000-000000000000', NODE),
        Reporting(nodes.app, 'no-uuid', NODE),
    )
    answers = {stranger.report().text for stranger in strangers}
    assert len(answers) == 1
    assert json.loads(answers.pop())['errors'][0]['code'] == REFUSED[1]


@pytest.mark.parametrize('seconds', [-301, 330])
def test_a_clock_that_is_off_is_told_to_who_has_the_key(
    node: Reporting, nodes: Nodes, session: orm.Session, seconds: int
) -> None:
    answer = node.report_as(node.said(), created=time.time() + seconds)
    assert error_of(answer) == (401, 'magnum.bootstrap.clock')
    assert answer.date is not None
    assert abs(answer.date.timestamp() - time.time()) < 5
    assert row(session).heard_at is None
    stranger = Reporting(nodes.app, node.bay_uuid, NODE)
    assert error_of(
        stranger.report_as(node.said(), created=time.time() + seconds)
    ) == REFUSED


@pytest.mark.parametrize('seconds', [-270, 299])
def test_clocks_may_be_a_little_apart(node: Reporting, seconds: int) -> None:
    assert node.report_as(node.said(), created=time.time() + seconds).status_int == 200


def test_the_bay_is_gone(
    node: Reporting, nodes: Nodes, session: orm.Session, bay: models.Bay
) -> None:
    delete_bay(session, bay)
    assert error_of(node.report()) == (410, 'magnum.bootstrap.gone')


def test_strangers_are_bounded(conf: cfg.ConfigOpts, nodes: Nodes, bay: models.Bay) -> None:
    conf.set_override('requests_per_minute', 3, 'bootstrap')
    few = Nodes(conf, nodes.session_maker, nodes.service)
    stranger = Reporting(few.app, bay.uuid, NODE)
    assert {stranger.report().status_int for _ in range(3)} == {401}
    assert stranger.report().status_int == 429


def test_reports_do_not_use_up_what_the_bay_has(
    conf: cfg.ConfigOpts, nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    conf.set_override('requests_per_minute', 2, 'bootstrap')
    conf.set_override('requests_per_minute', 5, 'nodes')
    few = Nodes(conf, nodes.session_maker, nodes.service)
    both = [Reporting(few.app, bay.uuid, f'node-{number}') for number in (1, 2)]
    for one in both:
        assert one.register(tokens['worker']).status_int == 200
    for one in both:
        assert {one.report().status_int for _ in range(5)} == {200}
        assert one.report().status_int == 429
