"""Heat's own resources, made by Heat with python-magnumclient; no version header."""

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from heatclient import client as heat_client
from heatclient import exc as heat_errors

from tests.functional.clients.conftest import Beginning
from tests.functional.clients.record import DEFECT, NOT_OFFERED, covers
from tests.functional.clients.shell import RAN
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.devcloud import settings

CLIENT = 'heat'

Settle = Callable[..., dict[str, Any]]

#: Stacks outlive the database of a run that was interrupted.
RUN = uuid.uuid4().hex[:6]
NAME = f'of-heat-{RUN}'
ATTRIBUTES = (
    'api_address', 'stack_id', 'coe_version', 'master_addresses', 'status', 'master_count',
    'node_addresses', 'status_reason', 'node_count', 'name', 'cluster_template_id', 'keypair',
    'create_timeout',
)
TEMPLATE = {
    'type': 'OS::Magnum::ClusterTemplate',
    'properties': {
        'coe': 'swarm', 'image': 'debian-12', 'keypair': 'alice-key', 'flavor': 'm1.small',
        'master_flavor': 'm1.small', 'external_network': settings.EXTERNAL_NETWORK,
        'dns_nameserver': '9.9.9.9', 'master_lb_enabled': False,
    },
}


def _cluster(**properties: Any) -> dict[str, Any]:
    return {
        'type': 'OS::Magnum::Cluster',
        'properties': {
            'name': NAME, 'cluster_template': {'get_resource': 'template'}, **properties
        },
    }


def _document(**resources: Any) -> dict[str, Any]:
    outputs = {
        name: {'value': {'get_attr': ['cluster', name]}} for name in ATTRIBUTES
    } if 'cluster' in resources else {}
    return {
        'heat_template_version': '2018-08-31', 'resources': resources, 'outputs': outputs
    }


@dataclasses.dataclass
class Stack:
    """A stack by name, of one person."""

    name: str
    person: Person

    def __post_init__(self) -> None:
        self._stacks = heat_client.Client(
            '1', session=self.person.keystone, region_name=settings.REGION
        ).stacks

    def create(self, document: dict[str, Any]) -> None:
        self._stacks.create(stack_name=self.name, template=document, timeout_mins=20)
        self._ran(document)

    def update(self, document: dict[str, Any]) -> None:
        self._stacks.update(stack_id=self.name, template=document, timeout_mins=20)
        self._ran(document)

    def delete(self) -> None:
        with contextlib.suppress(heat_errors.HTTPNotFound):
            self._stacks.delete(self.name)

    def settled(self) -> Any:
        """The stack once nothing goes on; None before."""
        stack = self._stacks.get(self.name)
        return None if stack.stack_status.endswith('IN_PROGRESS') else stack

    def is_gone(self) -> bool:
        mine = self._stacks.list(filters={'name': self.name})
        left = [stack.stack_status for stack in mine]
        assert left != ['DELETE_FAILED'], self._stacks.get(self.name).stack_status_reason
        return not left

    @staticmethod
    def _ran(document: dict[str, Any]) -> None:
        RAN.update((CLIENT, resource['type']) for resource in document['resources'].values())


def begin(at: Beginning) -> dict[str, Any]:
    """The stack, while others are tried."""
    stack = Stack(NAME, at.people['alice'])
    stack.create(_document(
        template=TEMPLATE, cluster=_cluster(keypair='alice-key', node_count=1)
    ))
    return {'stack': stack}


@pytest.fixture(scope='module')
def stack(begin: dict[str, Any]) -> Stack:
    made: Stack = begin['stack']
    return made


@pytest.fixture
def another(request: pytest.FixtureRequest, people: dict[str, Person]) -> Iterator[Stack]:
    """A stack of the administrator's, deleted at the end."""
    stack = Stack(f'of-heat-another-{RUN}', people['admin'])
    yield stack
    stack.delete()
    wait_until(stack.is_gone)


def _public(public: bool, **properties: Any) -> dict[str, Any]:
    """A cluster template that the administrator may publish."""
    given = {**TEMPLATE['properties'], 'public': public, **properties}  # type: ignore[dict-item]
    del given['keypair']
    return {**TEMPLATE, 'properties': given}


@covers(
    'update of OS::Magnum::ClusterTemplate', outcome=DEFECT,
    why='The template is changed; then Heat looks for a status, which templates do not have, '
    'and calls the update failed.',
)
def test_update_of_a_template(another: Stack) -> None:
    another.create(_document(template=_public(False)))
    assert wait_until(another.settled).stack_status == 'CREATE_COMPLETE'
    RAN.add((CLIENT, 'update of OS::Magnum::ClusterTemplate'))
    another.update(_document(template=_public(True)))
    done = wait_until(another.settled)
    assert done.stack_status == 'UPDATE_FAILED'
    assert 'AttributeError: resources.template: status' in done.stack_status_reason
    (template,) = [
        t for t in another.person.get('/clustertemplates')['clustertemplates']
        if t['project_id'] == another.person.keystone.get_project_id()
    ]
    assert template['public'] is True


@covers('OS::Magnum::BayModel')
def test_baymodel(another: Stack) -> None:
    another.create(_document(model={**_public(False), 'type': 'OS::Magnum::BayModel'}))
    done = wait_until(another.settled)
    assert done.stack_status == 'CREATE_COMPLETE', done.stack_status_reason


@covers(
    'OS::Magnum::Bay', outcome=NOT_OFFERED,
    why='By Heat: since its release 11 it makes nothing of this resource.',
)
def test_bay(another: Stack) -> None:
    before = another.person.get('/bays')['bays']
    another.create(_document(bay={'type': 'OS::Magnum::Bay', 'properties': {}}))
    assert wait_until(another.settled).stack_status == 'CREATE_COMPLETE'
    assert len(another.person.get('/bays')['bays']) <= len(before) + 1


@covers('OS::Magnum::ClusterTemplate', 'OS::Magnum::Cluster')
def test_create(stack: Stack, alice: Person) -> None:
    done = wait_until(stack.settled)
    assert done.stack_status == 'CREATE_COMPLETE', done.stack_status_reason
    outputs = {o['output_key']: o['output_value'] for o in done.outputs}
    bay = alice.get(f'/clusters/{NAME}')
    for name in ATTRIBUTES:
        assert outputs[name] == bay['cluster_id' if name == 'stack_id' else name], name
    assert alice.get(f"/clustertemplates/{bay['cluster_template_id']}")['coe'] == 'swarm'


def test_update(stack: Stack, alice: Person, settle: Settle) -> None:
    stack.update(_document(
        template=TEMPLATE, cluster=_cluster(keypair='alice-key', node_count=2)
    ))
    done = wait_until(stack.settled)
    assert done.stack_status == 'UPDATE_COMPLETE', done.stack_status_reason
    assert settle(NAME, 'UPDATE_COMPLETE')['node_count'] == 2


@covers(
    'update of OS::Magnum::Cluster but for node_count', outcome=NOT_OFFERED,
    why='Masters, the discovery URL and the timeout of a bay cannot be changed; the stack '
    'ends with UPDATE_FAILED and says so.',
)
def test_update_that_is_refused(stack: Stack) -> None:
    wait_until(stack.settled)
    RAN.add((CLIENT, 'update of OS::Magnum::Cluster but for node_count'))
    stack.update(_document(
        template=TEMPLATE, cluster=_cluster(keypair='alice-key', node_count=2, create_timeout=30)
    ))
    done = wait_until(stack.settled)
    assert done.stack_status == 'UPDATE_FAILED'
    assert 'cannot change cluster property(ies) create_timeout' in done.stack_status_reason


def test_delete(stack: Stack, alice: Person) -> None:
    wait_until(stack.settled)
    stack.delete()
    wait_until(stack.is_gone)
    assert alice.magnum.get(f'/clusters/{NAME}').status_code == 404
