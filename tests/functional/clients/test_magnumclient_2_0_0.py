"""python-magnumclient 2.0.0, of 2016: no version header, the service type ``container``."""

from typing import Any

import pytest

from tests.functional.clients.bay_commands import Bays, LastOfBays
from tests.functional.clients.baymodel_commands import Baymodels
from tests.functional.clients.conftest import Beginning
from tests.functional.clients.project_commands import Completeness, Services
from tests.functional.clients.record import NOT_OFFERED, covers
from tests.functional.clients.shell import Output, Shell

CLIENT = 'magnumclient-2.0.0'

INSIDE_BAYS = ('container', 'pod', 'rc', 'coe-service')
WHY = (
    'What is inside bays is not served, so this one and all others of its kind end with 404: '
    "the COE's own client does it, with certificates signed here."
)


def begin(at: Beginning) -> dict[str, Any]:
    """The bay, while other commands are tried."""
    magnum = at.magnum()
    magnum(
        'baymodel-create', '--name', f'{at.prefix}-baymodel', '--image-id', 'debian-12',
        '--keypair-id', 'alice-key', '--external-network-id', 'public', '--coe', 'swarm',
        '--flavor-id', 'm1.small', '--master-flavor-id', 'm1.small',
    )
    bay = magnum(
        'bay-create', '--name', f'{at.prefix}-bay', '--baymodel', f'{at.prefix}-baymodel'
    )
    return {'bay': bay}


@pytest.fixture(scope='module')
def bay(begin: dict[str, Any]) -> Output:
    """What ``bay-create`` printed."""
    output: Output = begin['bay']
    return output


class TestBaymodels(Baymodels):
    pass


class TestServices(Services):
    pass


class TestBays(Bays):
    def test_creating_shows_the_whole_bay(self, bay: Output, prefix: str) -> None:
        assert bay.fields['name'] == f'{prefix}-bay'
        assert bay.fields['status'] in ('CREATE_IN_PROGRESS', 'CREATE_COMPLETE')
        assert bay.fields['bay_create_timeout'] in ('0', '60')
        assert 'stack_id' in bay.fields


class TestInsideBays:
    @pytest.mark.parametrize('kind', [
        pytest.param(kind, marks=covers(f'{kind}-list', outcome=NOT_OFFERED, why=WHY))
        for kind in INSIDE_BAYS
    ])
    def test_kind(self, magnum_cli: Shell, bay: Output, prefix: str, kind: str) -> None:
        said = magnum_cli.refused(f'{kind}-list', '--bay', f'{prefix}-bay')
        assert 'Not Found (HTTP 404)' in said


class TestLastOfBays(LastOfBays):
    pass


class TestCompleteness(Completeness):
    pass
