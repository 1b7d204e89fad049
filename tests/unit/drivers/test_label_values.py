"""Values of labels that would reach nodes or arithmetic."""

import pytest

from magnum.drivers.contract import Driver, PlanRefused
from tests.unit.drivers import plans


@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize(('label', 'value'), [
    ('boot_volume_size', '5\n'), ('boot_volume_size', '9' * 19), ('boot_volume_size', '9' * 5000),
    ('min_node_count', '9' * 30), ('availability_zone', '\x01'), ('availability_zone', 'x' * 60000),
    ('octavia_provider', 'amphora\n'),
])
def test_no_line_breaks_and_no_numbers_without_end(
    driver: Driver, label: str, value: str
) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.validate(plans.plan(driver, labels={label: value}))
    assert refused.value.field == f'labels/{label}'
