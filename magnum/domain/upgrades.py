"""Values that follow the baymodel in an upgrade, and those that bays keep."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from magnum.domain.labels import Labels, compare

#: Attributes that say how a bay's network was made. Its nodes live in it, so bays keep them.
KEPT: Final = ('fixed_network', 'fixed_subnet')
#: Those of them that bays have from their baymodel alone.
KEPT_OF_BAYMODEL: Final = ('dns_nameserver', 'external_network_id')
#: Labels that say it.
KEPT_LABELS: Final = ('fixed_subnet_cidr',)
#: Attributes with the name or the id of something in the cloud.
NAMES: Final = (
    'image_id', 'flavor_id', 'master_flavor_id', 'external_network_id', 'fixed_network',
    'fixed_subnet',
)

#: Ids by what stands for them, a name or the id itself, by attribute.
Ids = Mapping[str, Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Follower:
    """Decides what follows a baymodel.

    :ivar ids: of what attributes name; what is not among them stands for itself.
    :ivar release_label: the label with the release of the COE; None where bays are not to
        follow it, or there is none.
    :ivar release: that the bay has, where it is known and no label of its own says it.
    """

    ids: Ids = dataclasses.field(default_factory=dict)
    release_label: str | None = None
    release: str | None = None

    def is_same(self, attribute: str, one: Any, other: Any) -> bool:
        """Whether two values of an attribute say the same."""
        return bool(self._form(attribute, one) == self._form(attribute, other))

    def follow(self, attribute: str, own: Any, base: Any, target: Any) -> Any:
        """A value: one that still is the baymodel's becomes the other one's."""
        if self.is_same(attribute, own, target) or not self.is_same(attribute, own, base):
            return own
        return target

    def follow_labels(
        self, own: Mapping[str, str], base: Mapping[str, str], target: Mapping[str, str]
    ) -> Labels:
        """Labels: each follows like a value, but for those of the bay's network.

        New ones come along unless the bay left some of its baymodel's out: then its labels
        are a choice of its own. A release follows to a later one in any case: there is no
        other way to have it.
        """
        differences = compare(own, base)
        inherited = {key for key in own if key in base and key not in differences.overridden}
        kept = {key: value for key, value in own.items() if key not in inherited}
        followed = {key: target[key] for key in inherited if key in target}
        new = {} if differences.skipped else {k: v for k, v in target.items() if k not in base}
        labels = {**new, **followed, **kept, **self._release(own, target)}
        return {
            **{key: value for key, value in labels.items() if key not in KEPT_LABELS},
            **{key: own[key] for key in KEPT_LABELS if key in own},
        }

    def _release(self, own: Mapping[str, str], target: Mapping[str, str]) -> Labels:
        label = self.release_label
        if label is None or label not in target:
            return {}
        release = own.get(label, self.release)
        is_later = release is not None and _order(target[label]) > _order(release)
        return {label: target[label]} if is_later else {}

    def _form(self, attribute: str, value: Any) -> Any:
        if attribute == 'dns_nameserver' and value is not None:
            return [part.strip() for part in value.split(',')]
        return self.ids.get(attribute, {}).get(value, value)


def _order(release: str) -> tuple[list[int], bool, list[int]]:
    """What releases are compared by; v1.34.0-rc.1 comes before v1.34.0."""
    main, _, before = release.partition('-')
    numbers, further = (
        [int(number) for number in re.findall('[0-9]+', text)] for text in (main, before)
    )
    return numbers, not before, further
