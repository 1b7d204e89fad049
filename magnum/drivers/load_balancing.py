"""Load balancing algorithms by Octavia's providers."""

from collections.abc import Mapping
from typing import Final

from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused

_OF_AMPHORAE: Final = ('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP')
#: What a provider can, the default first. Of others, and of the cloud's
#: default one, it is not known.
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    'amphora': _OF_AMPHORAE,
    'octavia': _OF_AMPHORAE,
    'ovn': ('SOURCE_IP_PORT',),
}


def algorithm(plan: BayPlan) -> str:
    """The one that the bay asks for, or the provider's default."""
    provider = plan.labels.get('octavia_provider', '')
    default = ALGORITHMS.get(provider, _OF_AMPHORAE)[0]
    return plan.labels.get('octavia_lb_algorithm', default)


def check(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that the provider has the algorithm."""
    provider = plan.labels.get('octavia_provider', '')
    known = ALGORITHMS.get(provider)
    if plan.master_lb_enabled and known and algorithm(plan) not in known:
        raise PlanRefused(
            'labels/octavia_lb_algorithm',
            f'The provider {provider} has no algorithm {algorithm(plan)}; it has: '
            f'{", ".join(known)}.',
        )
