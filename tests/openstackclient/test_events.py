"""Events, listed and followed."""

import json
import signal
from collections.abc import Callable

import pytest

from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model

_TIMEOUT = 120  # seconds


@pytest.fixture(scope='module')
def bay(member: User) -> str:
    member.json('baymodel', 'create', 'events', *model('swarm'))
    return str(member.json('bay', 'create', 'eventful', '--baymodel', 'events')['uuid'])


@pytest.mark.slow
def test_a_bay_is_followed_to_its_end(
    service: RunningService, member: User, bay: str, conductor: Callable[..., None]
) -> None:
    first = member.json('bay', 'event', 'list', bay)
    assert first[0]['kind'] == 'bay.create.accepted'
    stopped = member.start('bay', 'event', 'list', bay, '--follow')
    assert stopped.stdout is not None
    assert 'bay.create.accepted' in stopped.stdout.readline()
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=_TIMEOUT)
    assert (stopped.returncode, err) == (130, '')

    following = member.start(
        'bay', 'event', 'list', bay, '--follow', '--after', first[0]['cursor'], '-f', 'json'
    )
    conductor()
    assert member.run('bay', 'delete', bay, '--wait').code == 0
    out, err = following.communicate(timeout=_TIMEOUT)
    assert (following.returncode, err) == (0, '')
    kinds = [json.loads(line)['kind'] for line in out.splitlines()]
    assert kinds[-1] == 'bay.delete.succeeded'
    assert 'bay.create.accepted' not in kinds
    # One that is gone has them still, by its uuid.
    listed = [event['kind'] for event in member.json('bay', 'event', 'list', bay)]
    assert listed == ['bay.create.accepted', *kinds]
    assert len(member.json('bay', 'event', 'list', bay, '--limit', '2')) == 2


def test_events_of_no_bay(member: User) -> None:
    for more in ((), ('--follow',)):
        done = member.run('bay', 'event', 'list', 'nowhere', *more)
        assert (done.code, done.out) == (1, '')
        assert 'magnum.bay.not_found' in done.err
