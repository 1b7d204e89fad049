"""Who has neither a token nor a key."""

import pytest

from tests.attacks.running import RunningService
from tests.unit.certificates import csr


@pytest.mark.parametrize('path', [
    'ca', 'certificates/admin?node=x', 'trust?node=x&purpose=admin&trusts=', 'reissue/admin?node=x',
    'authorities?node=x', 'certificates?node=x',
])
def test_a_stranger_learns_nothing(service: RunningService, path: str) -> None:
    """Not even which bays there are."""
    bay = service.create_bay(f'stranger-{path.partition("/")[0].partition("?")[0]}')
    service.world.worker().turn()
    unknown = '00000000-1111-4222-8333-444444444444'
    answers = [
        service.ask('POST', f'/bootstrap/{uuid}/{path}', None, headers={
            'X-Bootstrap-Token': 'wrong',
        }, data=csr.make(csr.name(CN='x')))
        for uuid in (bay, unknown)
    ]
    told = {(answer.status_code, answer.json()['errors'][0]['code']) for answer in answers}
    assert told == {(401, 'magnum.bootstrap.refused')}
