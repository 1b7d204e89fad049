"""Networks as baymodels name them."""

import pytest

from magnum.domain import networks


@pytest.mark.parametrize(('text', 'expected'), [
    ('10.0.0.0/24', True), ('2001:db8::/64', True), ('10.0.0.1/24', False), ('private', False),
    ('7c4c1f0e-5b1f-4a63-9a5a-0c9f1e8f2b3d', False),
])
def test_cidrs(text: str, expected: bool) -> None:
    assert networks.is_cidr(text) is expected
