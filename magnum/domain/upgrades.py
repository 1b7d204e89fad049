"""Values that follow the baymodel in an upgrade, and those that bays keep."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.domain.labels import Labels, compare

#: Attributes that say how a bay's network was made. Its nodes live in it, so bays keep them.
KEPT: Final = ('fixed_network', 'fixed_subnet')
#: Those of them that bays have from their baymodel alone.
KEPT_OF_BAYMODEL: Final = ('dns_nameserver', 'external_network_id')
#: Labels that say it.
KEPT_LABELS: Final = ('fixed_subnet_cidr',)


def follow(own: Any, base: Any, target: Any) -> Any:
    """A value: one that still is the baymodel's becomes the other one's."""
    return target if own == base else own


def follow_labels(
    own: Mapping[str, str], base: Mapping[str, str], target: Mapping[str, str]
) -> Labels:
    """Labels: each follows like a value, but for those of the bay's network.

    New ones come along unless the bay left some of its baymodel's out: then
    its labels are a choice of its own.
    """
    differences = compare(own, base)
    inherited = {key for key in own if key in base and key not in differences.overridden}
    kept = {key: value for key, value in own.items() if key not in inherited}
    followed = {key: target[key] for key in inherited if key in target}
    new = {} if differences.skipped else {k: v for k, v in target.items() if k not in base}
    labels = {**new, **followed, **kept}
    return {
        **{key: value for key, value in labels.items() if key not in KEPT_LABELS},
        **{key: own[key] for key in KEPT_LABELS if key in own},
    }
