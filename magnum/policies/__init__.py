"""Who may do what: the default rules in code, one module per resource."""

import itertools

from oslo_policy import policy

from magnum.policies import base, baymodels, bays, certificates


def list_rules() -> list[policy.RuleDefault]:
    """Every rule; what oslo.policy's sample generator prints."""
    return list(itertools.chain(base.RULES, baymodels.RULES, bays.RULES, certificates.RULES))
