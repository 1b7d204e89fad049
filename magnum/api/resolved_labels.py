"""Which labels hold for a bay, and where each is from."""

from typing import Any

from oslo_config import cfg

from magnum.db.repositories.scopes import Row
from magnum.drivers import labels
from magnum.drivers.registry import DriverNotFound, Registry
from magnum.operations.plan import preset_labels

_NO_SCHEMA: dict[str, Any] = {'properties': {}}


def document(row: Row, drivers: Registry, conf: cfg.ConfigOpts) -> dict[str, dict[str, str]]:
    """By name: the value, and its origin: default, baymodel or bay.

    Where the bay's driver is not installed, its defaults are not known.

    :param row: of a bay, with its driver and its baymodel's labels.
    """
    try:
        schema = drivers.by_name(row.driver or '').labels_schema()
    except DriverNotFound:
        schema = _NO_SCHEMA
    found = labels.origins(schema, row.baymodel_labels, row.labels)
    # What the operator sets is a default too, over the driver's.
    for name, value in preset_labels(conf).items():
        if name in schema['properties'] and name not in row.labels:
            found[name] = (value, 'default')
    return {
        name: {'value': value, 'origin': origin}
        for name, (value, origin) in sorted(found.items())
    }
