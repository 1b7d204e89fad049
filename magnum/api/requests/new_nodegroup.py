"""A new node group out of a request: inheritance and checks."""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from magnum.api import errors, versions
from magnum.api.http.request import Call
from magnum.api.requests import new_bay
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.db import models
from magnum.domain import labels, nodegroups
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
        check_range(given)
        if given['role'] == nodegroups.MASTER:
            raise errors.at_field(
                errors.NODEGROUP_OF_MASTERS, 'role', 'A bay has one group of masters only.'
            )
        if not driver.capabilities.nodegroups:
            raise errors.APIError(
                errors.NOT_CAPABLE,
                f'The driver {driver.name} builds no node groups beside the default ones.',
            )
        check_scheduling(given['role'], given)
        values = {
            **given,
            'uuid': str(uuid.uuid4()),
            'is_default': False,
            'labels': labels.inherit(given['labels'], bay.labels, given['merge_labels']),
            'flavor_id': given['flavor_id'] or bay.flavor_id,
            'image_id': given['image_id'] or baymodel.image_id,
            'docker_volume_size': given['docker_volume_size'] or bay.docker_volume_size,
            'node_addresses': [],
        }
        del values['merge_labels']
        applied = self._selection.checked_labels(values['labels'], driver, had=bay.labels)
        self._check_in_cloud(call, values, bay, driver, applied)
        return NewNodegroup(
            values,
            without_effect_on_nodegroup(driver.labels_schema(), values['labels'], bay.labels),
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
                errors.NO_DRIVER, 'image_id',
                f'The driver {driver.name} of this bay builds no nodes of {image.os_distro}.',
            )
        if values['flavor_id'] is None:
            raise errors.invalid('flavor_id', None, 'Neither the bay nor the request names one.')
        needs_disk = self._selection.boots_from_flavor(applied)
        lookups.flavor('flavor_id', values['flavor_id'], needs_disk)
        lookups.zones(*self._selection.zones(applied, values['docker_volume_size']))


def check_range(values: Mapping[str, Any]) -> None:
    """The count of a new group and its bounds fit together.

    :raises APIError: 409.
    """
    with _refusing():
        nodegroups.check_range(
            values['node_count'], values['min_node_count'], values['max_node_count']
        )


def check_bounds(values: Mapping[str, Any]) -> None:
    """The bounds of a group fit together; the count comes to them with the next resize.

    :raises APIError: 409.
    """
    with _refusing():
        nodegroups.check_bounds(values['min_node_count'], values['max_node_count'])


def check_scheduling(role: str, values: Mapping[str, Any]) -> None:
    """Labels and taints of nodes are such as may be set.

    :raises APIError: 409.
    """
    with _refusing():
        nodegroups.check_scheduling(role, values['node_labels'], values['node_taints'])


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except nodegroups.Invalid as fault:
        raise errors.at_field(errors.NODEGROUP_INVALID, fault.field, str(fault)) from None
