"""Parser of booleans in text."""

from typing import Final

TRUE: Final = frozenset({'true', 't', 'yes', 'y', 'on', '1'})
FALSE: Final = frozenset({'false', 'f', 'no', 'n', 'off', '0'})
#: How a boolean may be spelled, in either case.
WORDS: Final = (*sorted(TRUE), *sorted(FALSE))


def parse(text: str) -> bool | None:
    """Parse a boolean; None if the text is none."""
    word = text.strip().lower()
    if word in TRUE:
        return True
    return False if word in FALSE else None
