"""Quotas and numbers, of members and of administrators."""

import pytest

from tests.api.fixtures.cloud import OTHER_PROJECT, PROJECT
from tests.openstackclient.conftest import User, model

_MODEL = model('swarm')


def test_a_quota_is_set_changed_and_deleted(member: User, admin: User) -> None:
    default = member.json('bay', 'quota', 'show')
    assert default == {'project_id': PROJECT, 'bays': 20}

    for bays in ('1', '0'):
        quota = admin.json('bay', 'quota', 'set', PROJECT, '--bays', bays)
        assert quota == {'project_id': PROJECT, 'bays': int(bays)}
        assert member.json('bay', 'quota', 'show') == quota
    assert admin.json('bay', 'quota', 'list') == [quota]
    assert admin.json('bay', 'quota', 'show', OTHER_PROJECT) == {**default,
                                                                'project_id': OTHER_PROJECT}
    member.json('baymodel', 'create', 'limited', *_MODEL)
    done = member.run('bay', 'create', 'too-many', '--baymodel', 'limited')
    assert 'magnum.quota.exceeded' in done.err

    done = admin.run('bay', 'quota', 'delete', 'nowhere', OTHER_PROJECT, PROJECT)
    assert done.code == 1
    assert done.err.startswith('nowhere: There is no project nowhere that you see.\n')
    assert f'\n{OTHER_PROJECT}: ' in done.err
    assert 'What to do: the default holds: openstack bay quota show <project>' in done.err
    assert admin.json('bay', 'quota', 'list') == []
    assert member.json('bay', 'quota', 'show') == default


def test_what_quotas_refuse_names_what_was_given(member: User, admin: User) -> None:
    done = admin.run('bay', 'quota', 'set', 'e' * 32, '--bays', '1')
    assert 'Option: <project>\nWhat to do: openstack project list\n' in done.err
    done = admin.run('bay', 'quota', 'set', PROJECT, '--bays', '3000000000')
    assert 'Option: --bays\n' in done.err
    for command in (('quota', 'list'), ('quota', 'set', PROJECT, '--bays', '100')):
        done = member.run('bay', *command)
        assert done.code == 1
        assert 'HTTP 403, magnum.forbidden' in done.err


def test_projects_are_named(member: User, admin: User) -> None:
    quota = admin.json('bay', 'quota', 'show', 'other')
    assert quota == {'project_id': OTHER_PROJECT, 'bays': 20}
    assert member.json('bay', 'quota', 'show', 'demo')['project_id'] == PROJECT
    assert member.json('bay', 'stats', 'show', '--project', 'demo') == member.json(
        'bay', 'stats', 'show'
    )


@pytest.mark.parametrize(('command', 'option'), [
    (('quota', 'show', '{}'), '<project>'),
    (('quota', 'set', '{}', '--bays', '1'), '<project>'),
    (('quota', 'delete', '{}'), '<project>'),
    (('stats', 'show', '--project', '{}'), '--project'),
    (('list', '--project', '{}'), '--project'),
])
def test_a_project_that_cannot_be_found_out_by_name(
    member: User, admin: User, command: tuple[str, ...], option: str
) -> None:
    for user, name, reason, todo in (
        (member, 'other', 'You may not look projects up', 'give the id of the project.'),
        (admin, 'twin', 'There is more than one project twin.', 'give the id of the project: '),
        (admin, 'nowhere', 'There is no project nowhere that you see.', 'openstack project list'),
    ):
        done = user.run('bay', *(part.format(name) for part in command))
        assert done.code == 1
        assert reason in done.err
        assert f'\nOption: {option}\nWhat to do: {todo}' in done.err


def test_bays_and_nodes_are_counted(member: User, admin: User) -> None:
    member.json('baymodel', 'create', 'counted', *_MODEL)
    before = member.json('bay', 'stats', 'show')
    member.json('bay', 'create', 'counted', '--baymodel', 'counted', '--node-count', '2')
    after = member.json('bay', 'stats', 'show')
    assert after == {'bays': before['bays'] + 1, 'nodes': before['nodes'] + 3}
    assert admin.json('bay', 'stats', 'show') == after
    assert admin.json('bay', 'stats', 'show', '--project', PROJECT) == after
    assert admin.json('bay', 'stats', 'show', '--project', OTHER_PROJECT) == {
        'bays': 0, 'nodes': 0
    }
