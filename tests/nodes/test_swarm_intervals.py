"""A resize of a Swarm bay with the intervals that a service has unless told otherwise."""

import time
from collections.abc import Iterator
from typing import Final

import pytest

from magnum import conf
from tests.functional import magnum_service
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays
from tests.nodes.bays import Bay

#: Seconds for each; a drain waits for the manager's next report.
LONGEST: Final = 300
#: What the other tests shorten, by section.
INTERVALS: Final = {
    'bootstrap': ('trust_interval',),
    'conductor': ('poll_interval', 'watch_interval', 'lease', 'retry_interval'),
    'nodes': ('report_interval',),
}


def defaults() -> str:
    """As lines of a file of configuration."""
    usual = conf.new_config()
    return ''.join(
        f'[{section}]\n' + ''.join(f'{name} = {usual[section][name]}\n' for name in names)
        for section, names in INTERVALS.items()
    )


@pytest.fixture(scope='module')
def bay(magnum: magnum_service.Process, url: str, alice: Person) -> Iterator[Bay]:
    with (
        magnum_service.restarted(magnum, defaults(), url),
        bays.completed(alice, 'nodes-intervals', 'swarm', node_count=1) as made,
    ):
        yield made


@pytest.mark.parametrize('count', [2, 1], ids=['out', 'in'])
def test_a_resize_takes_minutes_at_most(bay: Bay, count: int) -> None:
    began = time.monotonic()
    bay.resize(count)
    bay.complete('UPDATE_COMPLETE')
    seconds = time.monotonic() - began
    print(f'resized to {count} in {seconds:.0f} s')
    wait_until(lambda: len(bay.machines('node')) == count)
    assert seconds < LONGEST
