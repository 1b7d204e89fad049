"""Ratios, bars and verdicts of the table."""

from tools.bench import report, suites


def test_ratio_says_how_many_times_better_ours_is() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=20).ratio == 10
    assert report.Line(suites.CREATED, ours=300, theirs=50).ratio == 6


def test_verdict_compares_with_the_bar() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=20).verdict == 'met'
    assert report.Line(suites.ONE_BAY, ours=5, theirs=20).verdict == 'MISSED'
    assert report.Line(suites.API_MEMORY, ours=99, theirs=None).verdict == 'met'
    assert report.Line(suites.IDLE_CALLS, ours=1, theirs=0).verdict == 'MISSED'


def test_nothing_to_compare_with_is_no_verdict() -> None:
    assert report.Line(suites.ONE_BAY, ours=2, theirs=None).verdict == ''


def test_table_has_a_line_for_each_measure() -> None:
    medians = {suites.ONE_BAY: {'peer': 20.0, 'ours': 2.0}, suites.IDLE_CALLS: {'ours': 0.0}}
    lines = report.table(medians, 'ours', 'peer').splitlines()
    assert lines[1].split() == ['one', 'bay,', 'CPU', 'ms', '2.00', '20.00', '10.00', '8', 'times',
                                'met']
    assert lines[2].split()[-4:] == ['at', 'most', '0', 'met']
