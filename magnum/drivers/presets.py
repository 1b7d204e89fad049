"""Labels that options of the operator's stand for, where neither bay nor baymodel has them."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from oslo_config import cfg


class Preset(NamedTuple):
    """A label of new bays, kept with them: later values of the option change no living bay.

    ``option`` is one of [drivers]; ``service`` the type of the cloud's service that there
    has to be.
    """

    option: str
    label: str
    value: str
    service: str


_OF_NEW_BAYS: Final = (
    Preset('cloud_provider', 'cloud_provider_enabled', 'true', 'load-balancer'),
)


def of_new_bay(
    conf: cfg.ConfigOpts, known: Mapping[str, object], given: Mapping[str, str]
) -> Iterator[Preset]:
    """Those of a new bay, where the cloud has their services.

    :param known: labels of its driver.
    :param given: what it and its baymodel have, in their normal forms.
    """
    for preset in _OF_NEW_BAYS:
        if conf.drivers[preset.option] and preset.label in known and preset.label not in given:
            yield preset


def of_bay(conf: cfg.ConfigOpts, kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Labels and their values.

    :param kept: those that the bay was made with.
    """
    boot_volume_size: int = conf.cinder.default_boot_volume_size
    of_all = {'boot_volume_size': str(boot_volume_size)} if boot_volume_size else {}
    return {**of_all, **(kept or {})}
