import pytest

from magnum import conf as magnum_conf
from magnum.clients import sessions


@pytest.fixture
def ours() -> sessions.Sessions:
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    made = sessions.Sessions(conf)
    conf.set_override('auth_type', 'password', 'keystone_auth')
    conf.register_opts(
        magnum_conf.openstack_client.service_account_options(), group='keystone_auth'
    )
    conf.set_override('auth_url', 'http://127.0.0.1:1/', 'keystone_auth')
    return made


def test_a_user_keeps_its_session(ours: sessions.Sessions) -> None:
    """And with it its token: each new one costs Keystone the hash of a password."""
    first = ours.as_user('bay', 'secret', 'demo')
    assert ours.as_user('bay', 'secret', 'demo') is first
    assert ours.as_user('bay', 'rotated', 'demo') is not first
    assert ours.as_user('bay', 'secret', 'other') is not first
    assert ours.as_user('other', 'secret', 'demo') is not first
    assert first.session is ours.service.session, 'they share connections'


def test_not_of_every_user_for_ever(ours: sessions.Sessions) -> None:
    first = ours.as_user('bay', 'secret', 'demo')
    for number in range(64):
        ours.as_user(f'bay-{number}', 'secret', 'demo')
    assert ours.as_user('bay', 'secret', 'demo') is not first


def test_an_api_is_where_the_options_say(ours: sessions.Sessions) -> None:
    ours.region_name, ours.interface = 'north', 'internal'
    user = ours.as_user('bay', 'secret', 'demo')
    versioned, any_version = ours.api('network', '2', user), ours.api('compute')
    assert (versioned.session, any_version.session) == (user, ours.service)
    assert [
        (api.service_type, api.region_name, api.interface, api.min_version, api.max_version)
        for api in (versioned, any_version)
    ] == [
        ('network', 'north', 'internal', '2', '2.latest'),
        ('compute', 'north', 'internal', None, None),
    ]
