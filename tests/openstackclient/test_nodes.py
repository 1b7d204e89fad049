"""Nodes, as users list them."""

from magnum.db import models
from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model


def test_nodes_are_listed(service: RunningService, member: User) -> None:
    member.json('baymodel', 'create', 'noded', *model('swarm'))
    uuid = member.json('bay', 'create', 'noded', '--baymodel', 'noded')['uuid']
    assert member.json('bay', 'node', 'list', 'noded') == []
    full = {'status': 'False', 'reason': 'Full', 'message': '2 % left'}
    well = {'status': 'True', 'reason': 'Well', 'message': 'fine'}
    with service.world.database.writing() as session:
        session.add_all(
            models.Node(
                bay_uuid=uuid, role='worker', name=name, server_id='x', signing_key='k',
                state='ready', conditions={'Disk': full, 'Node': well},
            )
            for name in ('first', 'second')
        )
    listed = member.json('bay', 'node', 'list', 'noded')
    assert [(node['name'], node['state']) for node in listed] == [
        ('first', 'ready'), ('second', 'ready')
    ]
    assert listed[0]['conditions']['Disk'] == full
    shown = member.run('bay', 'node', 'list', 'noded', '--limit', '1').out
    assert 'Disk: 2 % left' in shown
    assert 'fine' not in shown
    assert 'second' not in shown
