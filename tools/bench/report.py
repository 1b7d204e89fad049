"""The table of a run: ours, theirs, how many times better, and the bar."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from tools.bench import suites

Medians = Mapping[str, Mapping[str, float]]

#: How many times cheaper (or, of bays created, faster) than the peer.
RATIO_BARS: Final[Mapping[str, float]] = {
    suites.BAY_PAGE: 100,
    suites.TEMPLATE_PAGE: 8,
    suites.ONE_BAY: 8,
    suites.NEW_TEMPLATE: 4,
    suites.NEW_BAY: 4,
    suites.CREATED: 5,
}
#: Most that it may be.
LIMIT_BARS: Final[Mapping[str, float]] = {
    suites.IDLE_CALLS: 0,
    suites.API_MEMORY: 100,
    suites.FIRST_ANSWER: 1.5,
}
_MORE_IS_BETTER: Final = frozenset({suites.CREATED})
_HEADINGS: Final = ('', 'ours', 'theirs', 'ratio', 'bar', '')


@dataclasses.dataclass(frozen=True)
class Line:
    """One measure; ``ratio`` is above 1 where ours is better."""

    measure: str
    ours: float | None
    theirs: float | None

    @property
    def ratio(self) -> float | None:
        """How many times better ours is; None where that says nothing."""
        if not self.ours or not self.theirs:
            return None
        if self.measure in _MORE_IS_BETTER:
            return self.ours / self.theirs
        return self.theirs / self.ours

    @property
    def bar(self) -> str:
        """What is asked for."""
        if self.measure in RATIO_BARS:
            return f'{RATIO_BARS[self.measure]:g} times'
        if self.measure in LIMIT_BARS:
            return f'at most {LIMIT_BARS[self.measure]:g}'
        return ''

    @property
    def verdict(self) -> str:
        """Whether the bar is met; empty where there is none, or nothing to compare with."""
        if self.measure in LIMIT_BARS and self.ours is not None:
            return 'met' if self.ours <= LIMIT_BARS[self.measure] else 'MISSED'
        if self.measure in RATIO_BARS and self.ratio is not None:
            return 'met' if self.ratio >= RATIO_BARS[self.measure] else 'MISSED'
        return ''

    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        return (
            self.measure, _figure(self.ours), _figure(self.theirs), _figure(self.ratio),
            self.bar, self.verdict,
        )


def table(medians: Medians, ours: str, theirs: str | None) -> str:
    """The table: one line per measure, columns separated by blanks.

    :param ours: name of the contender whose figures come first.
    :param theirs: name of the other one, if there is one.
    """
    rows = [_HEADINGS, *(line.cells() for line in _lines(medians, ours, theirs))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return '\n'.join(_aligned(row, widths) for row in rows)


def _lines(medians: Medians, ours: str, theirs: str | None) -> Iterator[Line]:
    for measure, by_contender in medians.items():
        yield Line(measure, by_contender.get(ours), by_contender.get(theirs or ''))


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
