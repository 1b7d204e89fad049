"""Simulated nodes: what they send is what the service takes; what is counted of them."""

import json

from magnum.api.bootstrap import signatures
from magnum.domain import reports
from tools.bench import channel, tables
from tools.bench.reporters import Reporter

BAY = '6f2c1a3e-7b0d-4c58-9e1f-0a2b3c4d5e6f'


def test_reports_are_of_the_form_and_signed_with_the_key_of_the_row() -> None:
    node = Reporter(BAY, 'worker', 'bay-1-node-0')
    full = {'status': 'False', 'reason': 'Full', 'message': '/var'}
    body, headers = node.report(Disk=full)
    claim = signatures.claim(headers, 'POST', body)
    assert claim is not None
    assert (claim.bay, claim.role, claim.node, claim.tag) == (
        BAY, 'worker', node.name, 'magnum/report'
    )
    row = node.row()
    assert claim.is_by(row['signing_key'])
    assert not claim.is_by(Reporter(BAY, 'worker', node.name).row()['signing_key'])
    bound = json.loads(row['public_keys'])
    assert bound == {signatures.PURPOSE: signatures.fingerprint(row['signing_key'])}
    said = reports.report(json.loads(body))
    assert (said.state, said.conditions['Disk']) == (reports.READY, full)


def test_ranks_are_the_nearest_ones() -> None:
    times = channel.Times([number / 1000 for number in range(100, 0, -1)])
    assert [times.rank(part) for part in (0.5, 0.99, 1)] == [50, 99, 100]


def test_windows_show_when_it_was_slow() -> None:
    times = channel.Times([0.1, 0.2, 3.0], [100.0, 109.9, 110.0])
    assert [window.seconds for window in times.windows()] == [[0.1, 0.2], [3.0]]


def test_a_change_without_an_event_is_lost() -> None:
    told = {'a': ['Disk is False', 'Disk is True again'], 'b': ['Disk is False'], 'c': []}
    events = ['node a: Disk is False: full: 2 %', 'node a: Disk is True again']
    assert channel.lost(told, events) == ['b']
    assert channel.lost(told, [*events, 'node b: Disk is False: full']) == []
    assert channel.lost(told, [*events, 'node b: Disk is False: full', events[0]]) == ['a']


def test_tables_that_have_not_grown_are_left_out() -> None:
    before = {'node': tables.Size(5, 4096), 'event': tables.Size(1, 4096)}
    after = {'node': tables.Size(5, 4096), 'event': tables.Size(3, 8192)}
    assert tables.growth(before, after) == {'event': tables.Size(2, 4096)}
