"""Values that follow the baymodel in an upgrade."""

from collections.abc import Mapping
from typing import Any

from magnum.domain.labels import Labels, compare


def follow(own: Any, base: Any, target: Any) -> Any:
    """A value: one that still is the baymodel's becomes the other one's."""
    return target if own == base else own


def follow_labels(
    own: Mapping[str, str], base: Mapping[str, str], target: Mapping[str, str]
) -> Labels:
    """Labels: each follows like a value.

    New ones come along unless the bay left some of its baymodel's out: then
    its labels are a choice of its own.
    """
    differences = compare(own, base)
    inherited = {key for key in own if key in base and key not in differences.overridden}
    kept = {key: value for key, value in own.items() if key not in inherited}
    followed = {key: target[key] for key in inherited if key in target}
    new = {} if differences.skipped else {k: v for k, v in target.items() if k not in base}
    return {**new, **followed, **kept}
