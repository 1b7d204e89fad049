"""Who may do what: the default rules in code, one module per resource."""

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
