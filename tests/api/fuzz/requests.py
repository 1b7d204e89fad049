"""Turns generated requests into ones that mean something."""

import dataclasses
import random
from typing import Any, Final

from schemathesis import Case
from schemathesis.core import NotSet

from magnum.api import routes, versions
from magnum.api.bootstrap.access import TOKEN_HEADER
from tests.api.fuzz import hostile
from tests.api.fuzz.things import VALUES, Things

#: The more often, the further they come.
PERSONAS: Final = (
    *('member',) * 8, *('admin',) * 3, 'reader', 'reader', 'other', 'bay', 'nobody', None,
)
_VERSIONS: Final = (
    *('latest',) * 8, None, None, '1.1', '1.2', '1.7', '1.9', '1.12', '1.13', '1.16', '1.17',
    versions.text(versions.MAXIMUM),
)
_VERSION_2016: Final = 'X-OpenStack-Magnum-API-Version'


@dataclasses.dataclass(frozen=True)
class Shaping:
    """How often noise gives way to something that is there."""

    of_paths: float = 0.85
    of_members: float = 0.92
    keeps_optional: float = 0.12
    keeps_argument: float = 0.3
    keeps_header: float = 0.25
    hostile_header: float = 0.08
    hostile_labels: float = 0.08


SHAPING: Final = Shaping()


def shape(case: Case[Any], things: Things, dice: random.Random, mandatory: frozenset[str]) -> None:
    """Change a case in place; who asks, and at which microversion, is drawn here.

    :param mandatory: members of the body that a request needs.
    """
    _shape_path(case, things, dice)
    case.query = _shaped(case.query, things, dice, SHAPING.keeps_argument)
    headers = _shaped(case.headers, things, dice, SHAPING.keeps_header)
    for name in (versions.HEADER, _VERSION_2016, 'X-Auth-Token', 'Authorization'):
        headers.pop(name, None)
    persona, version = dice.choice(PERSONAS), dice.choice(_VERSIONS)
    if persona is not None:
        headers['X-Auth-Token'] = persona
    if version is not None:
        headers[versions.HEADER] = f'container-infra {version}'
    if dice.random() < SHAPING.hostile_header:
        headers.update([hostile.header(dice)])
    case.headers.clear()
    case.headers.update(headers)
    if routes.are_of_nodes(case.operation.path):
        _shape_for_nodes(case, things, dice)
    if isinstance(case.body, dict):
        case.body = _shaped_body(case.body, things, dice, mandatory)
    elif isinstance(case.body, list):
        # In short runs all that is drawn is empty.
        steps = case.body[:3] or [_step(dice) for _ in range(dice.randrange(3))]
        case.body = [_shaped_step(step, things, dice) for step in steps]
    if dice.random() < SHAPING.hostile_labels:
        _give_hostile_labels(case, dice)


def _shape_for_nodes(case: Case[Any], things: Things, dice: random.Random) -> None:
    """Mostly a good token, of the right bay, and a good signing request."""
    bay, token = things.node
    if dice.random() < SHAPING.of_members:
        case.path_parameters['bay'] = bay
        case.headers[TOKEN_HEADER] = token
    if isinstance(case.body, str) and dice.random() < SHAPING.of_members:
        _, case.body = things.value('csr', dice)


def _give_hostile_labels(case: Case[Any], dice: random.Random) -> None:
    if isinstance(case.body, dict):
        case.body = {**case.body, 'labels': hostile.labels(dice)}
    elif isinstance(case.body, list):
        step = {'op': dice.choice(('add', 'replace')), 'path': '/labels'}
        case.body = [*case.body, {**step, 'value': hostile.labels(dice)}]


def has_body(case: Case[Any]) -> bool:
    """Whether the case sends a body."""
    return not isinstance(case.body, NotSet)


def _shape_path(case: Case[Any], things: Things, dice: random.Random) -> None:
    for name in list(case.path_parameters or ()):
        known, value = things.value(name, dice, case.operation.path)
        if known and value is not None and dice.random() < SHAPING.of_paths:
            case.path_parameters[name] = value


def _shaped(given: Any, things: Things, dice: random.Random, keeps: float) -> dict[str, Any]:
    """Arguments or headers: some of them, mostly with values that mean something."""
    found = {}
    for name, value in dict(given or {}).items():
        if dice.random() > keeps:
            continue
        known, meaningful = things.value(name, dice)
        use = known and meaningful is not None and dice.random() < SHAPING.of_members
        found[name] = meaningful if use else value
    return found


def _shaped_body(
    body: dict[str, Any], things: Things, dice: random.Random, mandatory: frozenset[str]
) -> dict[str, Any]:
    if dice.random() < 0.1:
        return body
    found = {}
    for name in sorted(body.keys() | mandatory):
        if name not in mandatory and dice.random() > SHAPING.keeps_optional:
            continue
        known, value = things.value(name, dice)
        found[name] = value if known and dice.random() < SHAPING.of_members else body.get(name)
    return found


def _step(dice: random.Random) -> dict[str, Any]:
    member = dice.choice(list(VALUES))
    op = dice.choice(('add', 'replace', 'remove'))
    return {'op': op, 'path': f'/{member}', 'value': dice.choice(VALUES[member])}


def _shaped_step(step: Any, things: Things, dice: random.Random) -> Any:
    if not isinstance(step, dict) or not isinstance(step.get('path'), str):
        return step
    member = step['path'].strip('/').partition('/')[0]
    known, value = things.value(member, dice)
    if known and 'value' in step and dice.random() < SHAPING.of_members:
        return {**step, 'path': f'/{member}', 'value': value}
    return step
