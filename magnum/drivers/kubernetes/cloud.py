"""The cloud as the controllers of a bay use it: who gets a credential of it."""

from typing import Final

from magnum.drivers import labels
from magnum.drivers.contract import BayPlan

#: Labels that ask for what needs a credential.
_LABELS: Final = ('cloud_provider_enabled', 'cinder_csi_enabled')
_CINDER: Final = 'cinder'


def wants_credential(plan: BayPlan) -> bool:
    """Whether the masters of a bay get a credential of the cloud."""
    resolved = labels.resolve(labels.schema('kubernetes'), plan.labels)
    return plan.volume_driver == _CINDER or any(resolved[name] == 'true' for name in _LABELS)
