"""A run: so many requests to every route, and what they found."""

import collections
import copy
import dataclasses
import http
import json
import pathlib
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import hypothesis
import schemathesis
import schemathesis.openapi
import werkzeug.test
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import strategies
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from magnum.api.bootstrap import signatures
from magnum.api.openapi.operations import PEM
from magnum.db import models
from magnum.domain import states
from tests.api.fixtures.contract import ContractBroken, description
from tests.api.fixtures.service import Service
from tests.api.fuzz import requests
from tests.api.fuzz.things import Things
from tests.unit.certificates.reporting import pem
from tools.common.node_signatures import signed

_DISTURBANCE: Final = 40  # requests between two
#: How often a case is sent, shaped anew each time: to draw it takes longest.
_ASKERS: Final = 5
_PARTS: Final = ('path_parameters', 'query', 'headers', 'body')
#: A node that is registered, and what it was never asked to do.
_NODE: Final = 'node-0'
_DIRECTIVE: Final = '00000000-0000-4000-8000-000000000000'
#: Path of a route that takes signatures -> the tag of these.
_TAGS: Final = {
    '/v1/bootstrap/{bay}/report': 'magnum/report',
    '/v1/bootstrap/{bay}/results/{directive}': 'magnum/result/{directive}',
    '/v1/bootstrap/{bay}/cloud': 'magnum/cloud',
    '/v1/bootstrap/{bay}/login': 'magnum/login',
    '/v1/bootstrap/{bay}/encryption': 'magnum/encryption',
}
#: How often such a request has a signature that was drawn.
_UNSIGNED: Final = 0.1
#: Collection -> what requests may count on.
_ALWAYS_THERE: Final[dict[str, dict[str, Any]]] = {
    'clustertemplates': {
        'name': 'model', 'coe': 'kubernetes', 'image_id': 'debian', 'keypair_id': 'default',
        'external_network_id': 'public', 'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
    },
    'clusters': {'name': 'one', 'cluster_template_id': 'model'},
}


@schemathesis.serializer(PEM)
def _pem(_context: Any, value: Any) -> bytes:
    """Nodes send PEM, and a fuzzer anything."""
    return str(value).encode('utf-8', 'replace')


@dataclasses.dataclass
class Found:
    """What a run came to."""

    requests: int = 0
    statuses: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    operations: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    succeeded: set[str] = dataclasses.field(default_factory=set)
    #: What is wrong -> how to see it again.
    faults: dict[str, str] = dataclasses.field(default_factory=dict)

    def note(self, case: Case[Any], status: int) -> None:
        """Count an answer."""
        self.requests += 1
        self.statuses[status] += 1
        self.operations[case.operation.label] += 1
        if status < http.HTTPStatus.BAD_REQUEST:
            self.succeeded.add(case.operation.label)


class Run:
    """Sends requests to a service over the fixture cloud."""

    def __init__(self, directory: pathlib.Path, seed: int):
        self.service = Service(
            directory, api__max_limit=20, api__synchronous_create_wait=0,
            conductor__service_down_time=60,
        )
        self._client = werkzeug.test.Client(self.service.application)
        self._random = random.Random(seed)
        self._seed = seed
        self._things = Things(_csr())
        self.found = Found()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._things.node = _prepare(self.service, self._key)

    def close(self) -> None:
        """Stop the service."""
        self.service.stop()

    def send(self, count: int, report: Callable[[Found], None] = lambda _: None) -> Found:
        """At least so many requests, the same number to every route."""
        operations = [
            (operation, _cases(operation)) for operation in _operations(self.service.application)
        ]
        # Short rounds: what one route makes, the next one may use.
        rounds = max(1, count // (len(operations) * 20))
        each = -(-count // (len(operations) * rounds))
        for number in range(rounds):
            self._random.shuffle(operations)
            for operation, cases in operations:
                self._fuzz(operation, cases, each, self._seed + number)
            report(self.found)
        return self.found

    def _fuzz(self, operation: Any, cases: Any, count: int, seed: int) -> None:
        mandatory = _mandatory(operation)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=-(-count // _ASKERS), deadline=None, database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=cases)
        def one(case: Case[Any]) -> None:
            drawn = [copy.deepcopy(getattr(case, part)) for part in _PARTS]
            for _ in range(_ASKERS):
                for part, value in zip(_PARTS, copy.deepcopy(drawn), strict=True):
                    setattr(case, part, value)
                # By dice of our own: Hypothesis likes zeros.
                requests.shape(case, self._things, self._random, mandatory)
                self._exchange(case)

        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            one()

    def _exchange(self, case: Case[Any]) -> None:
        if self.found.requests % _DISTURBANCE == 0:
            self._disturb()
        try:
            response = self._client.open(**self._signed(case, _request(case)))
        except ContractBroken as fault:
            self.found.requests += 1
            self._fault(case, str(fault))
            return
        self.found.note(case, response.status_code)
        if response.status_code < http.HTTPStatus.MULTIPLE_CHOICES:
            self._things.learn(case.operation.path, response.data)
        if response.status_code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            self._fault(case, f'{response.status_code}: {response.text[:300]}')
        self._validate(case, response)

    def _signed(self, case: Case[Any], request: dict[str, Any]) -> dict[str, Any]:
        """A request to one of the routes that take signatures: mostly with a good one."""
        said = _TAGS.get(case.operation.path)
        if said is None or 'json' not in request or self._random.random() < _UNSIGNED:
            return request
        bay, _ = self._things.node
        body = json.dumps(request.pop('json')).encode()
        path = case.operation.path.format(bay=bay, directive=_DIRECTIVE)
        tag = said.format(directive=_DIRECTIVE)
        return {
            **request, 'path': path, 'data': body, 'query_string': {'node': _NODE},
            'headers': {
                'Content-Type': 'application/json',
                **signed(self._key, body, f'{bay}/worker/{_NODE}', tag),
            },
        }

    def _validate(self, case: Case[Any], response: werkzeug.test.TestResponse) -> None:
        """A second opinion on the answer: what other clients make of the document."""
        try:
            case.operation.validate_response(response)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._fault(case, f'{response.status_code}: {failure}')

    def _fault(self, case: Case[Any], what: str) -> None:
        # One of each: route, and the words without what differs in each request.
        words = ''.join(one for one in what if not one.isdigit())[:160]
        self.found.faults.setdefault(f'{case.operation.label}: {words}', f'{what}\n{_shown(case)}')

    def _disturb(self) -> None:
        """What happens outside of the API: conductors work, with and without success."""
        if self._random.random() < 0.3:
            self.service.settle(states.FAILED, 'it failed')
        else:
            self.service.settle()
        if _restore(self.service, 'member'):
            self.service.settle()


def _shown(case: Case[Any]) -> str:
    body = case.body if requests.has_body(case) else None
    return (
        f'{case.method} {case.formatted_path} query={dict(case.query or {})!r} '
        f'headers={dict(case.headers or {})!r} body={body!r:.1500}'
    )


def _operations(application: Any) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        schema = schemathesis.openapi.from_wsgi('/v1/openapi.json', application)
        schema.config.update(base_url='http://localhost')
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            yield result.ok()


def _request(case: Case[Any]) -> dict[str, Any]:
    """A case as werkzeug sends it, with its headers as they were drawn."""
    request = case.as_transport_kwargs()
    request.pop('base_url', None)
    return request


def _cases(operation: Any) -> Any:
    """Two requests by the document, then one against it."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return strategies.one_of(good, good, bad)


def _mandatory(operation: Any) -> frozenset[str]:
    """Members that a body of the operation needs."""
    described = description()['paths'][operation.path][operation.method]
    content = described.get('requestBody', {}).get('content', {}).get('application/json')
    if content is None:
        return frozenset()
    name = content['schema']['$ref'].rpartition('/')[2]
    schema = description()['components']['schemas'][name]
    needed = schema.get('required', [])
    return frozenset(needed) | ({'cluster_uuid'} if name == 'CertificateRequest' else set())


def _prepare(service: Service, key: ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    """A template and a bay of the member's, and of the other one's.

    :param key: of a node that is registered in the member's bay.

    :returns: the member's bay, and the token of a node of it.
    """
    for token in ('member', 'other'):
        _restore(service, token)
        if token == 'member':
            # Before another project has one of this name.
            service.add_bay_user('one')
    service.settle()
    client = werkzeug.test.Client(service.application)
    headers = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
    (operation, *_) = client.get('/v1/operations', headers=headers).get_json()['operations']
    bay_uuid: str = operation['bay_uuid']
    with service.database.writing() as session:
        shown = signatures.public_key(pem(key))
        session.add(models.Node(
            bay_uuid=bay_uuid, role='worker', name=_NODE, server_id='server',
            public_keys={signatures.PURPOSE: signatures.fingerprint(shown)}, signing_key=shown,
        ))
    return bay_uuid, service.arm_nodes(bay_uuid, operation['uuid'])


def _restore(service: Service, token: str) -> bool:
    """Make what every request may name, unless it is there; whether anything was made."""
    client = werkzeug.test.Client(service.application)
    headers = {'X-Auth-Token': token, 'OpenStack-API-Version': 'container-infra latest'}
    has_made = False
    for collection, body in _ALWAYS_THERE.items():
        found = client.get(f'/v1/{collection}/{body["name"]}', headers=headers)
        if found.status_code == http.HTTPStatus.NOT_FOUND:
            client.post(f'/v1/{collection}', json=body, headers=headers)
            has_made = True
    return has_made


def _csr() -> str:
    """A good signing request."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, 'admin'),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'system:masters'),
    ])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
