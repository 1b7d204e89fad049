"""Previews: what a request would come to, with nothing written.

A dry run makes every check that the request itself makes, in the same
transaction, which is then undone. What it adds is the resolved plan, and how
the plan stands to the project's limits in the cloud.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from oslo_config import cfg

from magnum.api.http.request import Answer, Call
from magnum.api.requests.cloud_checks import Lookups, Preflight
from magnum.api.views import labels as resolved_labels
from magnum.db import models
from magnum.drivers import presets
from magnum.drivers.contract import MASTER, Driver, StackRequest
from magnum.drivers.plans import bay_plan, nodegroup_plan


class Previews:
    """Makes the answers of dry runs."""

    def __init__(self, conf: cfg.ConfigOpts, preflight: Preflight):
        self._conf = conf
        self._preflight = preflight

    def of_bay(
        self,
        call: Call,
        bay: models.Bay,
        baymodel: models.Baymodel,
        nodegroups: Sequence[models.Nodegroup],
        driver: Driver,
    ) -> Answer:
        """200: the stack of a new bay, and what it takes."""
        plan = bay_plan(bay, baymodel, nodegroups, self._conf)
        lookups = self._preflight.of(call.caller)
        needed = collections.Counter(driver.footprint(plan))
        for group in nodegroups:
            needed += _of_flavor(lookups, group, group.node_count)
        return Answer({
            **self._against_limits(lookups, needed),
            'driver': driver.name,
            'labels': resolved_labels.document(
                driver.labels_schema(), baymodel.labels, bay.labels,
                {'network_driver': baymodel.network_driver},
                presets.of_bay(self._conf, bay.presets),
            ),
            'parameters': shown_parameters(driver.render(plan)),
        })

    def of_nodes(
        self,
        call: Call,
        bay: models.Bay,
        baymodel: models.Baymodel,
        nodegroups: Sequence[models.Nodegroup],
        driver: Driver,
        group: models.Nodegroup,
        count: int,
    ) -> Answer:
        """200: what so many more nodes of a group take, or fewer give back.

        :param nodegroups: of the bay, the default ones among them.
        """
        plan = bay_plan(bay, baymodel, nodegroups, self._conf)
        own = nodegroup_plan(bay, group)

        def footprint(nodes: int) -> Mapping[str, int]:
            these = dataclasses.replace(own, node_count=nodes)
            return driver.footprint(
                dataclasses.replace(plan, masters=these) if group.role == MASTER
                else dataclasses.replace(plan, workers=these)
            )

        before, after = footprint(0), footprint(abs(count))
        lookups = self._preflight.of(call.caller)
        more = {name: number - before.get(name, 0) for name, number in after.items()}
        more |= _of_flavor(lookups, group, abs(count))
        sign = -1 if count < 0 else 1
        return Answer(
            self._against_limits(lookups, {name: sign * number for name, number in more.items()})
        )

    def _against_limits(self, lookups: Lookups, needed: Mapping[str, int]) -> dict[str, Any]:
        """The document's part that is the same for all previews.

        ``sufficient`` is null where a service does not tell its limits and
        the others suffice.
        """
        known, silent = lookups.limits()
        quotas = [
            {
                'service': limit.service,
                'resource': limit.resource,
                'limit': limit.limit,
                'used': limit.used,
                'needed': needed.get(limit.resource, 0),
                'sufficient': limit.allows(needed.get(limit.resource, 0)),
            }
            for limit in known
        ]
        suffices = all(quota['sufficient'] for quota in quotas)
        return {
            'dry_run': True,
            'resources': dict(needed),
            'quotas': quotas,
            'quotas_unknown': silent,
            'sufficient': None if suffices and silent else suffices,
        }


def _of_flavor(lookups: Lookups, group: models.Nodegroup, count: int) -> collections.Counter[str]:
    """The processors, and MiB of memory, of so many nodes of a group."""
    if group.flavor_id is None:
        return collections.Counter()
    flavor = lookups.flavor('flavor_id', group.flavor_id, needs_disk=False)
    return collections.Counter(vcpus=flavor.vcpus * count, ram=flavor.ram * count)


def shown_parameters(request: StackRequest) -> dict[str, Any]:
    """The stack's parameters but those that its template hides."""
    declared = yaml.safe_load(request.template).get('parameters', {})
    return {
        name: value
        for name, value in request.parameters.items()
        if not declared.get(name, {}).get('hidden', False)
    }
