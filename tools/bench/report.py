"""The table of a run: ours, the floor, the others, how many times better, and the bars."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tools.bench import suites

Medians = Mapping[str, Mapping[str, float]]

PEER: Final = 'peer'
PEER23: Final = 'peer23'
FLOOR: Final = 'floor'

#: How many times cheaper (or, of bays created, faster) than another contender.
RATIO_BARS: Final[Mapping[str, Mapping[str, float]]] = {
    suites.BAY_PAGE: {PEER: 150, PEER23: 50},
    suites.TEMPLATE_PAGE: {PEER: 10, PEER23: 10},
    suites.ONE_BAY: {PEER: 12, PEER23: 5},
    suites.ONE_TEMPLATE: {PEER: 5, PEER23: 3},
    suites.ROOT: {PEER: 2, PEER23: 2},
    suites.NEW_TEMPLATE: {PEER: 6},
    suites.NEW_BAY: {PEER: 6},
    suites.CERTIFICATE: {PEER: 8},
    suites.PAGE_P99: {PEER: 10},
    suites.ONE_P99: {PEER: 10},
    suites.CREATED: {PEER: 5},
}
#: Most that it may be.
LIMIT_BARS: Final[Mapping[str, float]] = {
    suites.MANY_TEMPLATES: 1.1,
    suites.MANY_BAYS: 1.1,
    suites.IDLE_CALLS: 0,
    suites.API_MEMORY: 100,
    suites.FIRST_ANSWER: 1.5,
}
_MORE_IS_BETTER: Final = frozenset({suites.CREATED})


@dataclasses.dataclass(frozen=True)
class Line:
    """One measure of ours beside the same of another contender.

    ``ratio`` is above 1 where ours is better.
    """

    measure: str
    ours: float | None
    theirs: float | None
    other: str = PEER

    @property
    def ratio(self) -> float | None:
        """How many times better ours is; None where that says nothing."""
        if not self.ours or not self.theirs:
            return None
        if self.measure in _MORE_IS_BETTER:
            return self.ours / self.theirs
        return self.theirs / self.ours

    @property
    def least_ratio(self) -> float | None:
        """What is asked for, if anything."""
        return RATIO_BARS.get(self.measure, {}).get(self.other)

    @property
    def bar(self) -> str:
        """What is asked for, as text."""
        if self.least_ratio is not None:
            return f'{self.least_ratio:g} times'
        if self.measure in LIMIT_BARS:
            return f'at most {LIMIT_BARS[self.measure]:g}'
        return ''

    @property
    def verdict(self) -> str:
        """Whether the bar is met; empty where there is none, or nothing to compare with."""
        if self.measure in LIMIT_BARS and self.ours is not None:
            return 'met' if self.ours <= LIMIT_BARS[self.measure] else 'MISSED'
        if self.least_ratio is not None and self.ratio is not None:
            return 'met' if self.ratio >= self.least_ratio else 'MISSED'
        return ''

    def cells(self) -> tuple[str, ...]:
        """What the other contender adds to a line of the table."""
        return _figure(self.theirs), _figure(self.ratio), self.bar, self.verdict


def table(medians: Medians, ours: str, others: Sequence[str]) -> str:
    """The table: one line per measure, columns separated by blanks.

    :param ours: name of the contender whose figures come first, the floor's beside them.
    :param others: names of those that it is compared with.
    """
    headings = ['', ours, FLOOR]
    for other in others:
        headings += [other, 'ratio', 'bar', '']
    if not others:
        headings += ['bar', '']
    rows = [tuple(headings), *_rows(medians, ours, others)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    return '\n'.join(_aligned(row, widths) for row in rows)


def _rows(medians: Medians, ours: str, others: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for measure, by_contender in medians.items():
        own = by_contender.get(ours)
        cells = [measure, _figure(own), _figure(by_contender.get(FLOOR))]
        for number, other in enumerate(others):
            line = Line(measure, own, by_contender.get(other), other)
            if number and measure in LIMIT_BARS:
                # It is no matter of who it is compared with.
                cells += [_figure(line.theirs), _figure(line.ratio), '', '']
            else:
                cells += line.cells()
        if not others:
            line = Line(measure, own, None, '')
            cells += [line.bar, line.verdict]
        yield tuple(cells)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    first, *others = row
    first_width, *other_widths = widths
    cells = [first.ljust(first_width)]
    cells += [cell.rjust(width) for cell, width in zip(others, other_widths, strict=True)]
    return '  '.join(cells).rstrip()


def _figure(value: float | None) -> str:
    if value is None:
        return '-'
    return f'{value:.0f}' if value >= 100 else f'{value:.2f}'
