"""Comes last: the user guide's table says what was found, and nothing is left."""

import pytest

from tests.functional.clients import record
from tests.functional.clients.conftest import DESELECTED, PASSED
from tests.functional.conftest import wait_until
from tests.functional.people import Person

CLIENT = ''


def test_the_table_of_the_guide(request: pytest.FixtureRequest) -> None:
    """What passed is in the table; all of the table was tried, if all tests ran."""
    config = request.config
    passed = {item for item in request.session.items if item.nodeid in config.stash[PASSED]}
    found = record.declared(passed)
    everything = record.declared(request.session.items)
    if record.RECORDING:
        assert found == everything, 'only a complete run is recorded'
        record.save(found)
    table = record.load()
    for client, commands in found.items():
        for command, entry in commands.items():
            said = table.get(client, {}).get(command)
            assert said == entry, f'{client} {command}: record anew, see record.py'
    if not config.stash[DESELECTED]:
        assert table.keys() <= everything.keys()
        assert all(table[client].keys() <= everything[client].keys() for client in table)


def test_nothing_is_left(alice: Person) -> None:
    """The bays are gone, and so their models can go."""

    def left() -> list[str]:
        bays = alice.get('/clusters')['clusters']
        failed = [bay for bay in bays if bay['status'] == 'DELETE_FAILED']
        assert not failed
        return [bay['name'] for bay in bays if bay['name'].startswith('of-')]

    wait_until(lambda: not left())
    for model in alice.get('/clustertemplates')['clustertemplates']:
        if model['name'].startswith('of-'):
            assert alice.magnum.delete(f"/clustertemplates/{model['uuid']}").status_code == 204
