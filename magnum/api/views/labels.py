"""Which labels hold for a bay, and where each is from."""

from collections.abc import Mapping
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import events
from magnum.db.selections import Row
from magnum.domain import plain_text
from magnum.drivers import labels, presets
from magnum.drivers.registry import Registry

Document = dict[str, dict[str, str]]

_LONGEST_NAME: Final = 64  # characters of a name in a message for people
_LONGEST_MESSAGE: Final = 4000


def of_bay(row: Row, drivers: Registry, conf: cfg.ConfigOpts) -> Document:
    """Those of a bay; where its driver is not installed, its own ones only.

    :param row: of a bay, with its driver and its baymodel's labels and network driver.
    """
    driver = drivers.find(row.driver)
    if driver is None:
        schema: Mapping[str, Any] = {'properties': {name: {} for name in row.labels}}
    else:
        schema = driver.labels_schema()
    attributes = {'network_driver': row.baymodel_network_driver}
    kept = presets.of_bay(conf, row.presets)
    return document(schema, row.baymodel_labels, row.labels, attributes, kept)


def document(
    schema: Mapping[str, Any],
    baymodel_labels: Mapping[str, str],
    bay_labels: Mapping[str, str],
    attributes: labels.Attributes,
    preset: Mapping[str, str],
) -> Document:
    """By name: value, origin (default, baymodel or bay), effect, and why there is none.

    :param attributes: of the baymodel, which labels may need.
    :param preset: what options of the operator's stand for.
    """
    found = labels.resolved(schema, baymodel_labels, bay_labels, preset, attributes)
    return {name: resolved.document() for name, resolved in found.items()}


def tell(
    session: orm.Session, operation: models.Operation, without_effect: Mapping[str, str]
) -> None:
    """Write an event about labels that do nothing, if there are.

    :param without_effect: their names, each with the reason.
    """
    if without_effect:
        by_reason: dict[str, list[str]] = {}
        for name, reason in sorted(without_effect.items()):
            by_reason.setdefault(reason, []).append(_printable(name))
        parts = [f'{", ".join(names)}: {reason}' for reason, names in by_reason.items()]
        events.record(
            session, operation, f'bay.{operation.verb}.labels_without_effect',
            plain_text.one_line(
                f'Labels without effect. {" ".join(parts)}', _LONGEST_MESSAGE
            ),
        )


def _printable(name: str) -> str:
    """A user's own word, fit for logs and tables."""
    return ''.join(c if c.isprintable() else '?' for c in name[:_LONGEST_NAME])
