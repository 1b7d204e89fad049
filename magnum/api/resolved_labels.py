"""Which labels hold for a bay, and where each is from."""

from collections.abc import Mapping
from typing import Any

from oslo_config import cfg

from magnum.db.repositories.scopes import Row
from magnum.drivers import labels
from magnum.drivers.registry import DriverNotFound, Registry
from magnum.operations.plan import preset_labels

Document = dict[str, dict[str, str]]


def of_bay(row: Row, drivers: Registry, conf: cfg.ConfigOpts) -> Document:
    """Those of a bay; where its driver is not installed, its own ones only.

    :param row: of a bay, with its driver and its baymodel's labels.
    """
    try:
        schema = drivers.by_name(row.driver or '').labels_schema()
    except DriverNotFound:
        schema = {'properties': {name: {} for name in row.labels}}
    return document(schema, row.baymodel_labels, row.labels, conf)


def document(
    schema: Mapping[str, Any],
    baymodel_labels: Mapping[str, str],
    bay_labels: Mapping[str, str],
    conf: cfg.ConfigOpts,
) -> Document:
    """By name: value, origin (default, baymodel or bay), effect, and why there is none."""
    found = labels.resolved(schema, baymodel_labels, bay_labels, preset_labels(conf))
    return {name: resolved.document() for name, resolved in found.items()}
