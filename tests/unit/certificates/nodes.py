"""Nodes as the service meets them: what they send, and what is answered."""

import json
from collections.abc import Mapping
from typing import Any

import webob
from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.controllers import bootstrap
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain.node_certificates import NodeCertificate

KUBELET = NodeCertificate('system:node:{node}', 'system:nodes', server=True, client=True)
APISERVER = NodeCertificate('kube-apiserver', server=True, dns_names=('kubernetes.default',))


class FakeDriver:
    """Knows which certificates the nodes of a role have, as drivers do."""

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
        self.driver = driver or FakeDriver()
        self.app = bootstrap.make_app(
            conf, session_maker.begin, session_maker, service, self._driver_for_bay
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
        request = webob.Request.blank(path, method=method)
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
