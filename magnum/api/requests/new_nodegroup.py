"""A new node group out of a request: inheritance and checks."""

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any

from magnum.api import errors, versions
from magnum.api.http.request import Call
from magnum.api.requests import new_bay, refusals
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.db import inheritance, models
from magnum.domain import labels, nodegroups
from magnum.domain.nodegroups import HIGHEST, LOWEST, WORKER
from magnum.drivers.contract import Driver
from magnum.drivers.labels import without_effect_on_nodegroup


@dataclasses.dataclass(frozen=True)
class NewNodegroup:
    """A node group that may be built: its columns.

    ``without_effect`` holds its own labels that do nothing, each with the reason.
    """

    values: Mapping[str, Any]
    without_effect: Mapping[str, str]

    def row(self) -> models.Nodegroup:
        """A fresh row: a transaction that is retried needs a new one."""
        return models.Nodegroup(**self.values)


class NodegroupPlans:
    """Makes new node groups of requests."""

    def __init__(self, preflight: Preflight, selection: DriverSelection):
        self._preflight = preflight
        self._selection = selection

    def new_nodegroup(
        self,
        call: Call,
        given: Mapping[str, Any],
        bay: models.Bay,
        baymodel: models.Baymodel,
        driver: Driver,
    ) -> NewNodegroup:
        """The node group that a request asks for.

        :param given: attributes of the request, defaults included.
        :raises APIError: something in it cannot be had.
        """
        if given['node_count'] == 0 and call.version < versions.ZERO_NODES:
            raise new_bay.zero_nodes()
        with refusals.told():
            nodegroups.check_range(given['node_count'], given[LOWEST], given[HIGHEST])
        if given['role'] == nodegroups.MASTER:
            raise errors.at_field(
                errors.nodegroups.OF_MASTERS, 'role', 'A bay has one group of masters only.'
            )
        if not driver.capabilities.nodegroups:
            raise errors.APIError(
                errors.drivers.NOT_CAPABLE,
                f'The driver {driver.name} builds no node groups beside the default ones.',
            )
        with refusals.told():
            nodegroups.check_scheduling(given['role'], given['node_labels'], given['node_taints'])
        inherited = inheritance.of_nodegroup(models.Nodegroup, WORKER, bay, baymodel)
        values = {
            **given,
            'uuid': str(uuid.uuid4()),
            'is_default': False,
            'labels': labels.inherit(given['labels'], bay.labels, given['merge_labels']),
            **{name: given[name] or value for name, value in inherited.items()},
            'node_addresses': [],
        }
        del values['merge_labels']
        applied = self._selection.checked_labels(values['labels'], driver, had=bay.labels)
        self._check_in_cloud(call, values, bay, driver, applied)
        return NewNodegroup(
            values,
            without_effect_on_nodegroup(
                driver.labels_schema(), values['labels'], bay.labels,
                {'network_driver': baymodel.network_driver},
            ),
        )

    def _check_in_cloud(
        self,
        call: Call,
        values: Mapping[str, Any],
        bay: models.Bay,
        driver: Driver,
        applied: Mapping[str, str],
    ) -> None:
        lookups = self._preflight.of(call.caller)
        image = lookups.image('image_id', values['image_id'])
        if image.os_distro not in driver.capabilities.distros:
            raise errors.at_field(
                errors.drivers.NOT_SUPPORTED, 'image_id',
                f'The driver {driver.name} of this bay builds no nodes of {image.os_distro}.',
            )
        if values['flavor_id'] is None:
            raise errors.invalid('flavor_id', None, 'Neither the bay nor the request names one.')
        needs_disk = self._selection.boots_from_flavor(applied)
        lookups.flavor('flavor_id', values['flavor_id'], needs_disk)
        lookups.zones(*self._selection.zones(applied, values))
        lookups.volume_types(self._selection.volume_types(applied, values))
