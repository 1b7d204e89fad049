"""Ratios, bars and verdicts of the table."""

from tools.bench import report, suites


def test_ratio_says_how_many_times_better_ours_is() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=20).ratio == 10
    assert report.Line(suites.CREATED, ours=300, theirs=50).ratio == 6


def test_verdict_compares_with_the_bar() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=24).verdict == 'met'
    assert report.Line(suites.ONE_BAY, ours=5, theirs=20).verdict == 'MISSED'
    assert report.Line(suites.ONE_BAY, ours=4, theirs=20, other='peer23').verdict == 'met'
    assert report.Line(suites.API_MEMORY, ours=99, theirs=None).verdict == 'met'
    assert report.Line(suites.IDLE_CALLS, ours=1, theirs=0).verdict == 'MISSED'


def test_nothing_to_compare_with_is_no_verdict() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=None).verdict == ''


def test_table_has_a_line_for_each_measure() -> None:
    medians = {
        suites.ONE_BAY: {'peer': 24.0, 'peer23': 8.0, 'ours': 2.0, 'floor': 1.0},
        suites.IDLE_CALLS: {'ours': 0.0},
    }
    lines = report.table(medians, 'ours', ['peer', 'peer23']).splitlines()
    assert lines[1].split() == [
        'one', 'bay,', 'CPU', 'ms', '2.00', '1.00',
        '24.00', '12.00', '12', 'times', 'met', '8.00', '4.00', '5', 'times', 'MISSED',
    ]
    assert lines[2].split()[-6:] == ['at', 'most', '0', 'met', '-', '-']


def test_alone_there_are_limits_only() -> None:
    medians = {suites.ONE_BAY: {'ours': 2.0}, suites.API_MEMORY: {'ours': 101.0}}
    lines = report.table(medians, 'ours', []).splitlines()
    assert lines[1].split()[-2:] == ['2.00', '-']
    assert lines[2].split()[-4:] == ['at', 'most', '100', 'MISSED']
