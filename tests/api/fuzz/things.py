"""What fuzzed requests name, so that they come further than the first check.

Pure noise ends at the first unknown name. So, mostly, a request names things
that are there: those of the cloud, and those that earlier answers told of.
"""

import collections
import random
import re
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.fixtures.cloud import OTHER_PROJECT, PROJECT
from tests.unit.certificates.reporting import pem

_REMEMBERED: Final = 30
_UUID: Final = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_OPERATION: Final = re.compile(rf'"operation_id":\s*"({_UUID.pattern})')

#: Member of a body, or argument -> values that mean something.
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    'image_id': ('debian', 'debian', 'debian', 'twin', 'plain', 'atomic', 'nowhere'),
    'coe': ('kubernetes', 'kubernetes', 'swarm', 'mesos', 'swarm-mode'),
    'flavor_id': ('m1.small', 'm1.small', '1', 'm1.diskless', None),
    'master_flavor_id': ('m1.small', 'm1.small', None),
    'keypair_id': ('default', 'default', 'with space'),
    'keypair': ('default', None),
    'external_network_id': ('public', 'public', 'double', 'private'),
    'fixed_network': (None, None, 'private', '10.0.0.0/24', 'double'),
    'fixed_subnet': (None, None, 'private-subnet', 'double'),
    'network_driver': (None, None, 'flannel', 'calico', 'docker'),
    'volume_driver': (None, None, 'cinder', 'rexray'),
    'dns_nameserver': (None, '192.0.2.1', '192.0.2.1, 2001:db8::1', '1.2.3'),
    'driver': (None, 'kubernetes_test', 'kubernetes_test', 'nope'),
    'server_type': ('vm', 'vm', 'bm', None),
    'tls_disabled': (False, True, 'false'),
    'docker_volume_size': (None, 5, '5'),
    'node_count': (1, 2, '3', 0),
    'master_count': (1, 1, 3, 2),
    'master_lb_enabled': (None, True, 'true', False),
    'labels': ({}, None, {'kube_tag': 'v1'}, 'a=b', {'min_node_count': '1'}),
    'merge_labels': (False, True),
    'name': ('another', None),
    'uuid': (None,),
    'role': ('worker', 'worker', 'infra', 'master'),
    'min_node_count': (0, 1, 5),
    'max_node_count': (None, 3, '9'),
    'node_labels': ({}, {'k': 'v'}, {'kubernetes.io/x': 'y'}),
    'node_taints': ([], [{'key': 'k', 'effect': 'NoSchedule'}]),
    'nodegroup': (None, 'default-worker', 'default-master', 'nope'),
    'nodes_to_remove': ([], ['1']),
    'hard_limit': (0, 1, 30),
    'resource': ('Cluster', 'Cluster', 'nope'),
    'project_id': (PROJECT, OTHER_PROJECT, 'nope'),
    'sort_key': ('id', 'name', 'uuid', 'created_at', 'status', 'nope'),
    'fields': ('uuid,name', 'status', 'uuid,nope'),
    'label': ('a', 'a=b', 'kube_tag=v1'),
    'changed_since': ('2024-01-01T00:00:00Z', '2024-01-01', '2099-01-01T00:00:00+02:00'),
    'after': ('AAAAAAAAAAE', 'nope'),
    'limit': ('0', '1', '2', '100'),
    'dry_run': ('true', 'true', 'false'),
    'If-Match': ('"1"', '"2"', '*', 'W/"1"'),
    'If-None-Match': ('"1"', '*'),
    'public_key': (pem(ec.generate_private_key(ec.SECP256R1())), 'nonsense'),
    'requests': ({}, {}, {'kubelet': 'nonsense'}),
    'Idempotency-Key': tuple(f'key-{number}' for number in range(8)),
}
#: Members and arguments that name what answers told of.
_NAMED: Final = {
    'ident': 'bay', 'bay': 'bay', 'bay_uuid': 'bay', 'cluster_uuid': 'bay', 'marker': 'bay',
    'baymodel_id': 'baymodel', 'cluster_template_id': 'baymodel', 'cluster_template': 'baymodel',
    'baymodel': 'baymodel', 'nodegroup': 'nodegroup', 'operation': 'operation',
}
_KINDS: Final = {
    'nodegroups': 'nodegroup', 'operations': 'operation', 'baymodels': 'baymodel',
    'clustertemplates': 'baymodel',
}
#: What is there from the beginning.
_FIRST: Final = {
    'bay': ('one',),
    'baymodel': ('model',),
    'nodegroup': ('default-worker', 'default-master'),
    'operation': ('00000000-0000-4000-8000-000000000000',),
}


def kind_of(path: str) -> str:
    """What a path is about."""
    for word, kind in _KINDS.items():
        if word in path:
            return kind
    return 'bay'


class Things:
    """Names and uuids of what is there."""

    def __init__(self, csr: str) -> None:
        self._learnt: dict[str, collections.deque[str]] = {
            kind: collections.deque(maxlen=_REMEMBERED) for kind in _FIRST
        }
        self._csr = csr
        #: A node's bay and token, when there is one.
        self.node: tuple[str, str] = ('', '')

    def learn(self, path: str, body: bytes) -> None:
        """Remember what an answer told of."""
        text = body.decode('utf-8', 'replace')
        self._keep(kind_of(path), _UUID.findall(text)[:3])
        self._keep('operation', _OPERATION.findall(text)[:3])

    def _keep(self, kind: str, uuids: list[str]) -> None:
        learnt = self._learnt[kind]
        learnt.extend(uuid for uuid in uuids if uuid not in learnt)

    def value(self, name: str, dice: random.Random, path: str = '') -> tuple[bool, Any]:
        """Whether a meaningful value is known, and one of them."""
        if name == 'csr':
            return True, self._csr
        if name == 'node':
            return True, dice.choice(('node-0', 'one-worker-0', 'N', ''))
        if name == 'purpose':
            return True, dice.choice(('kubelet', 'apiserver', 'node', 'nope'))
        kind = _NAMED.get(name)
        if kind == 'bay' and kind_of(path) == 'baymodel':
            kind = 'baymodel'
        if kind is not None:
            learnt = self._learnt[kind]
            return True, dice.choice(learnt if learnt and dice.random() < 0.6 else _FIRST[kind])
        if name in VALUES:
            return True, dice.choice(VALUES[name])
        return False, None
