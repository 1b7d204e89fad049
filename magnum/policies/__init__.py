"""Who may do what: the default rules in code, one module per resource."""

import functools
from collections.abc import Mapping
from typing import Final

from oslo_policy import policy

from magnum.policies import (
    base,
    baymodels,
    bays,
    certificates,
    config,
    credentials,
    drivers,
    events,
    mservices,
    nodegroups,
    nodes,
    operations,
    quotas,
    stats,
)

_MODULES: Final = (
    base,
    baymodels,
    bays,
    certificates,
    credentials,
    nodegroups,
    nodes,
    operations,
    events,
    config,
    drivers,
    quotas,
    stats,
    mservices,
)


def list_rules() -> list[policy.RuleDefault]:
    """Every rule; what oslo.policy's sample generator prints."""
    return [rule for module in _MODULES for rule in module.RULES]


@functools.cache
def rules_by_operation() -> Mapping[tuple[str, str], list[str]]:
    """Names of the rules that guard each route, by its method and path."""
    found: dict[tuple[str, str], list[str]] = {}
    for rule in list_rules():
        for operation in getattr(rule, 'operations', ()):
            found.setdefault((operation['method'], operation['path']), []).append(rule.name)
    return found
