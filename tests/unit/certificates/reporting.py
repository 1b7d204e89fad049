"""A registered node: a signing key, and requests that are signed with it."""

import json
from typing import Any

import sqlalchemy as sa
import webob
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import orm

from magnum.api.bootstrap import signatures
from magnum.db import models
from magnum.db.repositories import nodes
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses
from tests.fakes import bootstrap
from tests.unit.certificates import csr
from tests.unit.certificates.nodes import Nodes
from tools.common.node_signatures import signed

NODE = 'node-1'
REFUSED = (401, 'magnum.bootstrap.refused')
WELL = {'status': 'True', 'reason': 'Well', 'message': ''}


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


class Reporting:
    """A node with keys of its own.

    :param app: the application of nodes.
    """

    def __init__(self, app: Any, bay_uuid: str, name: str, role: str = 'worker'):
        self.app, self.bay_uuid, self.name, self.role = app, bay_uuid, name, role
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.sequence = 0

    def admit(
        self, session: orm.Session, operation: str | None = None, server: str = 'server'
    ) -> None:
        """Make it known, as a registration does.

        :param operation: what builds it.
        :param server: its id.
        """
        key = signatures.public_key(pem(self.key))
        row = nodes.register(
            session, self.bay_uuid, self.role, self.name, operation, server, NodeAddresses(),
            {signatures.PURPOSE: signatures.fingerprint(key)},
        )
        nodes.let_report(session, row, key)

    def register(self, token: str | None, *purposes: str, **members: Any) -> webob.Response:
        body = {
            'public_key': pem(self.key),
            'requests': {purpose: csr.make(csr.name(CN='x'), key=self.key)
                         for purpose in purposes},
            **members,
        }
        headers = {} if token is None else {'X-Bootstrap-Token': token}
        return self.send('register', json.dumps(body).encode(), headers)

    def said(self, **members: Any) -> dict[str, Any]:
        """A report: the next, of a node that is ready and well."""
        self.sequence += 1
        return {
            'sequence': self.sequence, 'state': 'ready', 'step': None,
            'conditions': {'Services': WELL}, **members,
        }

    def report(self, **members: Any) -> webob.Response:
        return self.report_as(self.said(**members))

    def report_as(self, document: Any, **signature: Any) -> webob.Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.send('report', body, self.headers(body, 'magnum/report', **signature))

    def result(self, directive: str, **members: Any) -> webob.Response:
        body = json.dumps({'outcome': 'done', **members}).encode()
        tag = f'magnum/result/{directive}'
        return self.send(f'results/{directive}', body, self.headers(body, tag))

    def headers(self, body: bytes, tag: str, **signature: Any) -> dict[str, str]:
        keyid = f'{self.bay_uuid}/{self.role}/{self.name}'
        return signed(self.key, body, **{'keyid': keyid, 'tag': tag, **signature})

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> webob.Response:
        request = bootstrap.request(f'/{self.bay_uuid}/{path}?node={self.name}')
        request.body = body
        request.environ['openstack.request_id'] = 'req-1'
        request.headers.update(headers)
        return request.get_response(self.app)


def error_of(response: webob.Response) -> tuple[int, str]:
    """Status and code of an error."""
    (error,) = json.loads(response.body)['errors']
    return response.status_int, error['code']


def source_of(response: webob.Response) -> str:
    """What an answer says is malformed."""
    (error,) = json.loads(response.body)['errors']
    assert (response.status_int, error['code']) == (400, 'magnum.request.invalid_value'), error
    return str(error['source']['pointer'])


def row(session: orm.Session, name: str = NODE) -> models.Node:
    """A node as it is stored."""
    session.expire_all()
    return session.scalars(sa.select(models.Node).filter_by(name=name)).one()


def operation(session: orm.Session, uuid: str = 'operation') -> models.Operation:
    """An operation as it is stored."""
    session.expire_all()
    return session.scalars(sa.select(models.Operation).filter_by(uuid=uuid)).one()


def finish(session: orm.Session) -> None:
    """Let all operations have succeeded."""
    session.execute(sa.update(models.Operation).values(active_for=None, state=states.SUCCEEDED))
    session.commit()


def delete_bay(session: orm.Session, bay: models.Bay) -> None:
    """The bay is gone, as its delete has left it."""
    finish(session)
    session.add(models.Operation(
        bay_uuid=bay.uuid, bay_name=bay.name, verb=states.DELETE, phase=states.FINISH,
        state=states.SUCCEEDED, roles=[], deadline=bay.created_at, parameters={},
    ))
    session.execute(sa.delete(models.Bay).filter_by(uuid=bay.uuid))
    session.commit()


def registered(nodes: Nodes, bay: models.Bay, role: str = 'master') -> Reporting:
    """A node that is registered."""
    made = Reporting(nodes.app, bay.uuid, NODE, role)
    with nodes.session_maker.begin() as session:
        made.admit(session, 'operation')
    return made
