"""Labels: key and value strings that tune a bay."""

import dataclasses
import math
from collections.abc import Mapping, Sized
from typing import Final

from magnum.domain import literals
from magnum.domain.plain_text import is_storable

Labels = dict[str, str]

MOST: Final = 256


def parse(value: object) -> Labels:
    """Labels from any of the forms in which clients send them.

    An object whose values are strings, numbers or booleans, or null for "not
    given"; or a string that holds ``k=v,k=v``, a JSON object, or a Python dict
    literal, of at most ``literals.MAX_LENGTH`` characters.

    :raises ValueError: it is none of these, or of more than ``MOST`` labels.
    """
    if isinstance(value, str):
        value = _parse_text(value.strip())
    if not isinstance(value, Mapping):
        raise ValueError('Labels should be an object of strings.')
    check_number(value)
    read = {_key(key): None if item is None else _text(item) for key, item in value.items()}
    return {key: text for key, text in read.items() if text is not None}


def check_number(labels: Sized) -> None:
    """:raises ValueError: there are more than ``MOST``."""
    if len(labels) > MOST:
        raise ValueError(f'There should be at most {MOST} labels.')


def _parse_text(text: str) -> object:
    if not text:
        return {}
    if text.startswith('{'):
        return literals.parse(text)
    if len(text) > literals.MAX_LENGTH:
        raise ValueError(f'Labels of more than {literals.MAX_LENGTH} characters are not read.')
    pairs = [pair.partition('=') for pair in text.split(',') if pair.strip()]
    if not all(key.strip() and equals for key, equals, _ in pairs):
        raise ValueError('Labels should be an object, or pairs of the form key=value.')
    return {key.strip(): value.strip() for key, _, value in pairs}


def _key(key: object) -> str:
    if not isinstance(key, str) or not key.strip():
        raise ValueError('The keys of labels should be strings.')
    return _storable(key.strip())


def _text(value: object) -> str:
    if not isinstance(value, str | int | float) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise ValueError('The values of labels should be strings, numbers or booleans.')
    # As JSON writes them: Python's spelling is nobody's.
    return _storable(str(value).lower() if isinstance(value, bool) else str(value))


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError('Labels should be text.')
    return text


def given(labels: Mapping[str, str]) -> Labels:
    """Labels with a value: an empty text stands for "not given"."""
    return {name: value for name, value in labels.items() if value.strip()}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A bay's labels beside its baymodel's.

    ``overridden``: in both and different (the baymodel's values); ``added``:
    only in the bay; ``skipped``: only in the baymodel.
    """

    overridden: Labels
    added: Labels
    skipped: Labels


def compare(own: Mapping[str, str], base: Mapping[str, str]) -> Comparison:
    """How a bay's labels differ from its baymodel's."""
    if own == base:
        return Comparison({}, {}, {})
    return Comparison(
        overridden={k: v for k, v in base.items() if k in own and own[k] != v},
        added={k: v for k, v in own.items() if k not in base},
        skipped={k: v for k, v in base.items() if k not in own},
    )


def inherit(given: Labels | None, base: Mapping[str, str], merge: bool) -> Labels:
    """A new bay's labels: given ones replace the baymodel's, or are merged over them."""
    if given is None:
        return dict(base)
    return {**base, **given} if merge else dict(given)
