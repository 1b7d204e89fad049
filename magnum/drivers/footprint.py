"""How much of the cloud a bay takes: what a preview shows and quotas are held against."""

import collections
from collections.abc import Mapping

from magnum.drivers.contract import BayPlan, NodeGroupPlan


def of_plan(plan: BayPlan) -> Mapping[str, int]:
    """Counts of the things that the templates of this package make for a bay."""
    taken = collections.Counter[str]()
    for group in (plan.masters, plan.workers):
        taken += collections.Counter(of_group(plan, group))
    if plan.master_lb_enabled:
        taken['load_balancers'] = 1
        taken['ports'] += 1
        lb_floats = plan.labels.get('master_lb_floating_ip_enabled') == 'true'
        taken['floating_ips'] += int(plan.floating_ip_enabled or lb_floats)
    if plan.fixed_network is None:
        taken += collections.Counter(networks=1, subnets=1, routers=1)
    return dict(taken)


def of_group(plan: BayPlan, group: NodeGroupPlan) -> Mapping[str, int]:
    """What the nodes of one group take."""
    boot = plan.labels.get('boot_volume_size', '')
    sizes = [int(boot) if boot.isdecimal() else 0, group.volume_gigabytes]
    volumes = [size for size in sizes if size]
    return {
        'servers': group.node_count,
        'ports': group.node_count,
        'floating_ips': group.node_count if plan.floating_ip_enabled else 0,
        'volumes': group.node_count * len(volumes),
        'volume_gigabytes': group.node_count * sum(volumes),
    }
