"""Plans made of rows."""

from typing import Any

from magnum import conf
from magnum.db.models import Bay, Baymodel, Nodegroup
from magnum.drivers.contract import MASTER, WORKER, BayPlan
from magnum.drivers.plans import bay_plan

UUID = '5f0e7d52-9a3c-4f5e-8f7e-0a1b2c3d4e5f'


def plan(bay: dict[str, Any], baymodel: dict[str, Any], **group: Any) -> BayPlan:
    groups = [
        Nodegroup(
            **{'uuid': UUID, 'name': role, 'role': role, 'is_default': True, 'labels': {}, **group}
        )
        for role in (MASTER, WORKER)
    ]
    return bay_plan(
        Bay(**{'uuid': UUID, 'name': 'lab', 'labels': {}, **bay}),
        Baymodel(**baymodel),
        groups,
        conf.new_config(),
    )


def test_a_column_of_a_bay_goes_before_the_baymodels() -> None:
    made = plan(
        {'master_lb_enabled': True, 'fixed_subnet': None, 'name': 'mine'},
        {'master_lb_enabled': False, 'fixed_subnet': 'its', 'name': 'its', 'no_proxy': 'its'},
    )
    assert (made.master_lb_enabled, made.fixed_subnet, made.name) == (True, None, 'mine')
    assert made.no_proxy == 'its', 'bays have no such column'


def test_columns_of_groups() -> None:
    made = plan({}, {}, docker_volume_size=3, node_count=2, flavor_id='small', revision=None)
    assert made.workers.volume_gigabytes == 3
    assert made.masters.node_count == 2
    assert made.workers.flavor == 'small'
    assert made.workers.revision == 0
