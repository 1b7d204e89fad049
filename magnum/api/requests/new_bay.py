"""A new bay out of a request: inheritance, and every check before it is planned."""

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any, Final

from oslo_config import cfg

from magnum.api import errors, versions
from magnum.api.dialects import Dialect
from magnum.api.http.request import Call
from magnum.api.requests import refusals
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.db import inheritance, models
from magnum.domain import booleans, labels, names
from magnum.domain.nodegroups import (
    DEFAULT_MASTER,
    DEFAULT_WORKER,
    HIGHEST,
    LOWEST,
    broken_bound,
)
from magnum.drivers import presets
from magnum.drivers.contract import MASTER, WORKER, Driver
from magnum.drivers.labels import without_effect
from magnum.drivers.plans import bay_plan

#: What a bay takes over from its baymodel where its request gives nothing.
_INHERITED: Final = inheritance.inherited(models.Bay)

_AUTO_SCALING: Final = 'auto_scaling_enabled'
_DIGITS: Final = 9  # of a count of nodes, which an integer of the database holds


@dataclasses.dataclass(frozen=True)
class NewBay:
    """A bay that may be built: its columns, and those of its node groups.

    ``without_effect`` holds the labels that do nothing, each with the reason.
    """

    values: Mapping[str, Any]
    groups: tuple[Mapping[str, Any], ...]
    driver: Driver
    without_effect: Mapping[str, str]

    def rows(self) -> tuple[models.Bay, list[models.Nodegroup]]:
        """Fresh rows: a transaction that is retried needs new ones."""
        return models.Bay(**self.values), [models.Nodegroup(**group) for group in self.groups]


@dataclasses.dataclass(frozen=True)
class _InCloud:
    """What was found in the cloud for a new bay: driver, labels, key, presets.

    :ivar applied: labels that are given, in their normal forms.
    :ivar public_key: of the key pair.
    :ivar presets: labels that options of the operator's stand for.
    :ivar cidr: of the nodes, in an existing network.
    """

    driver: Driver
    applied: Mapping[str, str]
    public_key: str | None
    presets: Mapping[str, str]
    cidr: str | None


class BayPlans:
    """Makes new bays of requests."""

    def __init__(self, conf: cfg.ConfigOpts, preflight: Preflight, selection: DriverSelection):
        self._conf = conf
        self._preflight = preflight
        self._selection = selection

    def new_bay(
        self,
        call: Call,
        dialect: Dialect,
        given: Mapping[str, Any],
        baymodel: models.Baymodel,
    ) -> NewBay:
        """The bay that a request asks for.

        :param given: attributes of the request, defaults included.
        :raises APIError: something in it cannot be had.
        """
        if given['node_count'] == 0 and call.version < versions.ZERO_NODES:
            raise zero_nodes()
        values = _inherit(given, baymodel)
        values['name'] = given['name'] or names.generate(dialect.name_suffix)
        found = self._checked_in_cloud(call, values, baymodel)
        driver, applied = found.driver, found.applied
        values |= {
            'uuid': str(uuid.uuid4()),
            'baymodel_id': baymodel.uuid,
            'project_id': call.caller.project_id,
            'user_id': call.caller.user_id,
            'driver': driver.name,
            'ssh_public_key': found.public_key,
            'presets': found.presets or None,
        }
        bay = models.Bay(**values)
        idle = without_effect(
            driver.labels_schema(), values['labels'], {**found.presets, **values['labels']},
            {'network_driver': baymodel.network_driver},
        )
        scales = _AUTO_SCALING not in idle and booleans.parse(applied.get(_AUTO_SCALING, ''))
        new = NewBay(
            values,
            (
                _group(DEFAULT_MASTER, MASTER, bay, baymodel, given['master_count']),
                {
                    **_group(DEFAULT_WORKER, WORKER, bay, baymodel, given['node_count']),
                    **_bounds(applied, given['node_count'], scales is True),
                },
            ),
            driver,
            idle,
        )
        self._check_buildable(new, baymodel, found)
        return new

    def _checked_in_cloud(
        self, call: Call, values: Mapping[str, Any], baymodel: models.Baymodel
    ) -> _InCloud:
        """What the cloud says; all that is named exists."""
        lookups = self._preflight.of(call.caller)
        image = lookups.image('image_id', baymodel.image_id)
        driver = self._selection.of_baymodel(
            {
                'driver': baymodel.driver,
                'server_type': baymodel.server_type,
                'coe': baymodel.coe,
            },
            image,
        )
        applied = self._selection.checked_labels(values['labels'], driver)
        needs_disk = self._selection.boots_from_flavor(applied)
        lookups.zones(*self._selection.zones(applied, values, driver))
        lookups.volume_types(self._selection.volume_types(applied, values, driver))
        lookups.services(self._selection.services(applied, driver))
        external = baymodel.external_network_id
        lookups.named({**values, 'external_network_id': external}, needs_disk)
        keypair = values['keypair']
        public_key = lookups.public_key('keypair', keypair) if keypair else None
        preset = presets.of_new_bay(self._conf, driver.labels_schema()['properties'], applied)
        return _InCloud(
            driver, applied, public_key,
            {one.label: one.value for one in preset if lookups.has(one.service)},
            lookups.cidr_of_nodes(values['fixed_network'], values['fixed_subnet']),
        )

    def _check_buildable(self, new: NewBay, baymodel: models.Baymodel, found: _InCloud) -> None:
        bay, groups = new.rows()
        plan = bay_plan(bay, baymodel, groups, self._conf)
        with refusals.told():
            found.driver.validate(dataclasses.replace(plan, existing_cidr=found.cidr))


def zero_nodes() -> errors.APIError:
    """No worker at all was asked for, at a microversion that had no such bays."""
    return errors.APIError(
        errors.nodegroups.ZERO_NODES,
        'Resizing a nodegroup to zero is not supported in the provided microversion.',
        source=errors.pointer('node_count'),
    )


def _inherit(given: Mapping[str, Any], baymodel: models.Baymodel) -> dict[str, Any]:
    """Columns of the bay: the request's values over its baymodel's."""
    values: dict[str, Any] = {
        attribute: given[attribute]
        if given[attribute] is not None
        else getattr(baymodel, attribute)
        for attribute in _INHERITED
    }
    return values | {
        'keypair': given['keypair'] or baymodel.keypair_id,
        'labels': labels.inherit(given['labels'], baymodel.labels, given['merge_labels']),
        'create_timeout': given['create_timeout'],
        'discovery_url': given['discovery_url'],
    }


def _group(
    name: str, role: str, bay: models.Bay, baymodel: models.Baymodel, node_count: int
) -> dict[str, Any]:
    """Columns of one of the two node groups that every bay has."""
    return {
        'name': name,
        'role': role,
        'is_default': True,
        **inheritance.of_nodegroup(models.Nodegroup, role, bay, baymodel),
        'labels': bay.labels,
        'node_count': node_count,
        'min_node_count': 0,
        'node_labels': {},
        'node_taints': [],
        'node_addresses': [],
    }


def _bounds(
    applied: Mapping[str, str], node_count: int, scales: bool
) -> dict[str, int | None]:
    """Bounds of the workers' count, which labels may set.

    :param applied: labels in their normal forms.
    :param scales: an autoscaler changes the count, of groups that have an upper bound alone.
        Where labels say nothing it is one more than asked for, and one node stays.
    """
    lowest, highest = _number(applied, LOWEST), _number(applied, HIGHEST)
    if scales:
        lowest = min(1, node_count) if lowest is None else lowest
        highest = node_count + 1 if highest is None else highest
    lowest = lowest or 0
    bound = broken_bound(node_count, lowest, highest)
    if bound is not None:
        value, than = (lowest, 'more') if bound == LOWEST else (highest, 'less')
        raise errors.invalid(
            f'labels/{bound}', value,
            f'Value should not be {than} than node_count, {node_count}',
        )
    return {LOWEST: lowest, HIGHEST: highest}


def _number(applied: Mapping[str, str], name: str) -> int | None:
    """A count of nodes in a label, which not every driver's schema describes."""
    text = applied.get(name, '').strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > _DIGITS:
        raise errors.invalid(f'labels/{name}', text, 'Value should be a number of nodes.')
    return int(text)
