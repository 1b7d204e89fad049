"""Nodes as the service meets them: what they send, and what is answered."""

import json
import re
from collections.abc import Mapping
from typing import Any

import webob
from oslo_config import cfg
from sqlalchemy import orm

from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain.node_certificates import NodeCertificate
from tests.fakes import bootstrap
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens

PROJECT = 'project'
#: Nodes that each of the default groups has.
BUILT = 4

KUBELET = NodeCertificate('system:node:{node}', 'system:nodes', server=True, client=True)
APISERVER = NodeCertificate(
    'kube-apiserver', server=True, dns_names=('kubernetes.default',), api=True
)


class FakeDriver:
    """Knows which certificates the nodes of a role have, as drivers do.

    Nodes are named ``node-0`` and so on, whatever their stack and role.
    """

    api_output = 'nodegroup'
    wants_encryption_key = True

    def node_index(self, role: str, stack_name: str, name: str) -> int | None:
        match = re.fullmatch(r'node-(\d+)', name)
        return int(match[1]) if match else None

    def service_addresses(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return ('10.254.0.1',)

    def api_addresses(self, outputs: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple((outputs.get(self.api_output) or {}).values())

    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        of_role = {'master': {'apiserver': APISERVER}, 'worker': {}}
        return {'kubelet': KUBELET, **of_role[role]}


class Nodes:
    """Sends what nodes send."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        session_maker: orm.sessionmaker[orm.Session],
        service: CertificateService,
        driver: object = None,
    ):
        self.bays: list[tuple[str, str]] = []
        self.session_maker, self.service = session_maker, service
        self.driver = driver or FakeDriver()
        self.servers = FakeServers()
        self.wake_up = NoWakeUp()
        self.tokens = FakeTokens()
        for number in range(BUILT):
            self.servers.boot(f'node-{number}', PROJECT)
        self.app = bootstrap.make_app(
            conf, session_maker.begin, session_maker, session_maker.kw['bind'].begin, service,
            self._driver_for_bay, self.servers, self.wake_up, self.tokens,
        )

    def _driver_for_bay(self, bay: models.Bay, baymodel: models.Baymodel) -> Any:
        self.bays.append((bay.uuid, baymodel.uuid))
        return self.driver

    def send(
        self,
        path: str,
        token: str | None,
        body: str | bytes = '',
        method: str = 'POST',
        address: str = '192.0.2.1',
    ) -> webob.Response:
        request = bootstrap.request(path, method)
        request.body = body.encode() if isinstance(body, str) else body
        request.remote_addr = address
        request.environ['openstack.request_id'] = 'req-1'
        if token is not None:
            request.headers['X-Bootstrap-Token'] = token
        return request.get_response(self.app)


def error_of(response: webob.Response) -> tuple[int, str]:
    (error,) = json.loads(response.body)['errors']
    assert error.keys() == {'request_id', 'code', 'title', 'detail', 'status', 'links'}
    assert error['status'] == response.status_int
    assert error['request_id'] == 'req-1'
    assert response.content_type == 'application/json'
    return response.status_int, error['code']
