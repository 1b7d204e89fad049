"""Nodes that boot from volumes made of images."""

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person


@pytest.mark.long
def test_nodes_boot_from_volumes(alice: Person) -> None:
    baymodel = alice.create_baymodel('swarm', name='volume-model', labels={'boot_volume_size': 2})
    uuid = alice.create_bay(baymodel, 'from-volume', node_count=1)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    volumes = [
        volume for volume in
        alice.service('block-storage').get('/volumes/detail').json()['volumes']
        if volume['name'].startswith('from-volume-')
    ]
    assert [(one['size'], one['bootable'], len(one['attachments'])) for one in volumes] == [
        (2, 'true', 1), (2, 'true', 1)
    ]
    alice.magnum.delete(f'/clusters/{uuid}')
    wait_until(lambda: alice.is_gone(uuid))
    left = alice.service('block-storage').get('/volumes').json()['volumes']
    assert not {one['id'] for one in volumes} & {one['id'] for one in left}
    alice.magnum.delete(f'/clustertemplates/{baymodel}')
