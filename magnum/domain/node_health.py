"""Conditions of nodes -> conditions of their bay -> the bay's health, as tables."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from magnum.domain import reports
from magnum.domain.nodegroups import MASTER
from magnum.domain.plain_text import few
from magnum.domain.reports import FALSE, TRUE, UNKNOWN

HEALTHY: Final = 'HEALTHY'
UNHEALTHY: Final = 'UNHEALTHY'
NOT_KNOWN: Final = 'UNKNOWN'

#: Whether the COE counts on a node.
NODE: Final = 'Node'
#: Conditions of nodes that have a meaning of their own; any other one that is
#: False makes its node not ready.
CONTROL_PLANE: Final = 'ControlPlane'
CERTIFICATES: Final = 'Certificates'
ADDONS: Final = 'Addons'
#: Whether a master, and what uses the cloud with its file, has the bay's credential.
CLOUD: Final = 'CloudCredential'
#: Whether a worker reaches the API of the COE where all do.
API: Final = 'API'
#: Of the manager that leads a swarm: whether the managers reach the nodes; it names the others.
MEMBERS: Final = 'Members'
_NAME: Final = re.compile('[a-z0-9][a-z0-9.-]*')


@dataclasses.dataclass(frozen=True)
class Node:
    """A node that has reported.

    :ivar state: one of :data:`magnum.domain.reports.STATES`.
    :ivar conditions: by name: ``status``, ``reason``, ``message``.
    :ivar is_silent: it was not heard of for long: what it said last may hold no longer.
    """

    name: str
    role: str
    state: str
    conditions: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    is_silent: bool = False

    def status(self, condition: str) -> str:
        """The status of a condition; Unknown if the node has not said it."""
        return self.conditions.get(condition, {}).get('status', UNKNOWN)

    def failing(self, *leaving_out: str) -> list[str]:
        """The conditions that are False, by name, with their messages."""
        return [
            f'{name} ({said["message"]})' if said['message'] else name
            for name, said in sorted(self.conditions.items())
            if said['status'] == FALSE and name not in leaving_out
        ]


@dataclasses.dataclass(frozen=True)
class Condition:
    """What the reports of a bay's nodes come to."""

    status: str
    reason: str
    message: str


def _reporting(nodes: Sequence[Node]) -> Condition:
    silent = [node.name for node in nodes if node.is_silent]
    if not silent:
        return Condition(TRUE, 'NodesReport', f'{len(nodes)} of {len(nodes)} nodes report')
    if len(silent) == len(nodes):
        return Condition(FALSE, 'NoNodeReports', f'None of {len(nodes)} nodes reports')
    return Condition(
        FALSE, 'NodesSilent',
        f'{len(nodes) - len(silent)} of {len(nodes)} nodes report; silent: {few(sorted(silent))}',
    )


def _ready(nodes: Sequence[Node]) -> Condition:
    heard = _heard(nodes)
    built = [node for node in heard if node.state != reports.BUILDING]
    failed = [node.name for node in built if node.state == reports.FAILED]
    down = called_down(node.conditions for node in heard)
    not_ready = [
        f'{node.name}: {", ".join(failing)}'
        for node in built
        for failing in [
            node.failing(API, CERTIFICATES, ADDONS, MEMBERS)
            + [_DOWN] * (node.name in down)
        ]
        if failing
    ]
    if failed:
        return Condition(FALSE, 'NodesFailed', f'Nodes that failed to boot: {few(sorted(failed))}')
    if not_ready:
        return Condition(FALSE, 'NodesNotReady', few(sorted(not_ready)))
    if built:
        return Condition(TRUE, 'NodesReady', f'{len(built)} of {len(heard)} nodes are ready')
    if heard:
        return Condition(UNKNOWN, 'NodesBuilding', f'{len(heard)} nodes are being built')
    return _nobody()


#: What is said of a node that its managers do not reach while it says that it is well.
_DOWN: Final = f'{MEMBERS} (managers call it down)'


def called_down(said: Iterable[Mapping[str, Mapping[str, str]]]) -> set[str]:
    """Names that managers give; there may be some of nodes that have left the bay.

    :param said: the conditions of each node that is heard of.
    """
    names: set[str] = set()
    for members in (conditions[MEMBERS] for conditions in said if MEMBERS in conditions):
        if members['status'] == FALSE:
            message = members['message']
            found = _NAME.findall(message)
            # The last one of a long text may be a part of a name.
            names.update(found[:-1] if len(message) >= reports.LONGEST_MESSAGE else found)
    return names


def _control_plane(nodes: Sequence[Node]) -> Condition:
    masters = [node for node in nodes if node.role == MASTER]
    heard = _heard(masters)
    working = [node for node in heard if node.status(CONTROL_PLANE) == TRUE]
    failing = [
        f'{node.name}: {node.conditions[CONTROL_PLANE]["message"]}'
        for node in heard if node.status(CONTROL_PLANE) == FALSE
    ]
    told = f'It works on {len(working)} of {len(masters)} masters'
    if failing:
        told += f'; {few(sorted(failing))}'
    if masters and 2 * len(working) > len(masters):
        return Condition(TRUE, 'MastersWork', told)
    if failing:
        return Condition(FALSE, 'MastersFail', told)
    return _nobody() if not heard else Condition(UNKNOWN, 'MastersUnknown', told)


def _api(nodes: Sequence[Node]) -> Condition | None:
    """As workers say that look for it where users do; None if none does."""
    asking = [node for node in _heard(nodes) if API in node.conditions]
    failing = [
        f'{node.name}: {node.conditions[API]["message"]}'
        for node in asking if node.status(API) == FALSE
    ]
    if not asking:
        return None
    told = f'{len(asking) - len(failing)} of {len(asking)} workers reach it'
    if failing:
        return Condition(FALSE, 'APINotReachable', f'{told}; {few(sorted(failing))}')
    return Condition(TRUE, 'APIReachable', told)


def _certificates(nodes: Sequence[Node]) -> Condition:
    heard = _heard(nodes)
    ending = [
        f'{node.name}: {node.conditions[CERTIFICATES]["message"]}'
        for node in heard if node.status(CERTIFICATES) == FALSE
    ]
    if ending:
        return Condition(FALSE, 'CertificatesEnd', few(sorted(ending)))
    if any(node.status(CERTIFICATES) == TRUE for node in heard):
        return Condition(TRUE, 'CertificatesValid', 'No certificate ends soon')
    # A node that has certificates always says how they are, if only that it is not known.
    if any(node.state == reports.READY for node in heard) and not any(
        CERTIFICATES in node.conditions for node in heard
    ):
        return Condition(TRUE, 'NoCertificates', 'The nodes have no certificates')
    return _nobody() if not heard else Condition(
        UNKNOWN, 'CertificatesUnknown', 'No node has said how long its certificates hold'
    )


def _addons(nodes: Sequence[Node]) -> Condition | None:
    """As the master says that cares for them; None if none does."""
    said = [node.conditions[ADDONS] for node in _heard(nodes) if ADDONS in node.conditions]
    for status, reason, otherwise in (
        (FALSE, 'AddonsFail', ''),
        (UNKNOWN, 'AddonsUnknown', 'Add-ons are being installed or removed'),
        (TRUE, 'AddonsInstalled', 'All add-ons are installed'),
    ):
        messages = [one['message'] for one in said if one['status'] == status]
        if messages:
            return Condition(status, reason, otherwise or few(sorted(messages)))
    return None


def control_plane(said: Mapping[str, Mapping[str, str]] | None) -> Mapping[str, str]:
    """What a node says of its control plane.

    :param said: its conditions; None: it has said nothing yet.
    """
    return (said or {}).get(CONTROL_PLANE, {'status': UNKNOWN, 'reason': '', 'message': ''})


def _nobody() -> Condition:
    return Condition(UNKNOWN, 'NoNodeReports', 'No node that could say so reports')


def _heard(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if not node.is_silent]


NODES_REPORTING: Final = 'NodesReporting'
ADDONS_READY: Final = 'AddonsReady'
#: Whether the cloud accepts the credential that a bay's masters have: not of reports.
CREDENTIALS_VALID: Final = 'CredentialsValid'
#: Of a bay whose lost master is not replaced: only then there.
HEALING_POSSIBLE: Final = 'HealingPossible'
#: Condition of a bay -> how it follows from its nodes; None: the bay has none of it.
CONDITIONS: Final[Mapping[str, Callable[[Sequence[Node]], Condition | None]]] = {
    NODES_REPORTING: _reporting,
    'NodesReady': _ready,
    'ControlPlaneReady': _control_plane,
    'APIReachable': _api,
    'CertificatesValid': _certificates,
    ADDONS_READY: _addons,
}


def conditions(nodes: Sequence[Node]) -> dict[str, Condition]:
    """The conditions of a bay, by name; none without a node that has reported."""
    if not nodes:
        return {}
    found = {name: follow(nodes) for name, follow in CONDITIONS.items()}
    return {name: condition for name, condition in found.items() if condition}


def not_healed(node: str, why: str) -> Condition:
    """The condition of a bay of which the service does not replace a lost node."""
    return Condition(FALSE, 'PlanRefused', f'The lost node {node} is not replaced: {why}')


def health(found: Mapping[str, Condition]) -> str:
    """The health that conditions come to.

    A bay of which nothing is heard at all may be well: it is not known. A bay works
    without its add-ons, and with a release that is not supported any more.

    :param found: the bay's conditions; those that do not count may be among them.
    """
    statuses = {condition.status for name, condition in found.items() if name in _OF_HEALTH}
    if not found or found[NODES_REPORTING].reason == 'NoNodeReports':
        return NOT_KNOWN
    for status, health_status in _HEALTH:
        if status in statuses:
            return health_status
    return HEALTHY


#: Conditions that the health follows from.
_OF_HEALTH: Final = {*CONDITIONS, CREDENTIALS_VALID} - {ADDONS_READY}
#: The first status that a condition has says what the bay's health is.
_HEALTH: Final = ((FALSE, UNHEALTHY), (UNKNOWN, NOT_KNOWN))
