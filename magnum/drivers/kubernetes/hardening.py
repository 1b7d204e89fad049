"""Who may use the API of masters, what they log of requests, and what they allow pods."""

from collections.abc import Mapping
from typing import Final

from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import downloads

STANDARD: Final = 'pod_security_standard'
#: The label that lets users log in with their tokens of Keystone.
KEYSTONE_AUTH: Final = 'keystone_auth_enabled'
#: The first minor release of 1 that holds pods to a standard by its own admission plugin.
_FIRST_WITH_STANDARDS: Final = 25
_BOUNDS: Final = ('age', 'backup', 'size')
#: The settings of masters, each with the labels that it is made of.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    'MAGNUM_AUDIT_LOG': ('audit_log_enabled', *(f'audit_log_max_{bound}' for bound in _BOUNDS)),
    'MAGNUM_KEYSTONE_AUTH': (KEYSTONE_AUTH,),
    'MAGNUM_POD_SECURITY': (STANDARD,),
}


def settings(labels: Mapping[str, str]) -> dict[str, str]:
    """Those settings.

    :param labels: resolved.
    """
    bounds = (f'{bound}={labels[f"audit_log_max_{bound}"]}' for bound in _BOUNDS)
    return {
        'MAGNUM_AUDIT_LOG': ' '.join(bounds) if labels['audit_log_enabled'] == 'true' else '',
        'MAGNUM_KEYSTONE_AUTH': labels[KEYSTONE_AUTH],
        'MAGNUM_POD_SECURITY': labels[STANDARD],
    }


def takes_tokens(labels: Mapping[str, str]) -> bool:
    """Whether users log in with tokens of Keystone.

    :param labels: resolved.
    """
    return labels[KEYSTONE_AUTH] == 'true'


def check(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that the release can hold pods to a standard that is asked for.

    :param plan: with resolved labels.
    """
    release, standard = plan.labels['kube_tag'], plan.labels[STANDARD]
    if standard == 'restricted' and downloads.minor(release) < _FIRST_WITH_STANDARDS:
        raise PlanRefused(
            f'labels/{STANDARD}',
            f'{release} holds pods to no standard: v1.{_FIRST_WITH_STANDARDS} is the first.',
        )
