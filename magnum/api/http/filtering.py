"""Filters of lists, and the choice of members of documents."""

import datetime
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from magnum.api import errors
from magnum.api.types.bays import STATUSES
from magnum.db.repositories.filters import NONE, Filters
from magnum.domain import baymodels
from magnum.domain.plain_text import is_storable

#: What may stand in a label's name; nothing that a JSON path reads as its own.
_LABEL: Final = re.compile(r'[\w.\-/]{1,255}', re.ASCII)
_FILTERS: Final = frozenset({'name', 'status', 'baymodel', 'coe', 'label', 'changed_since'})


def filters(query: Mapping[str, str]) -> Filters:
    """The filters of a request.

    :raises APIError: 400, naming the argument at fault.
    """
    if not _FILTERS & query.keys():
        return NONE
    return Filters(
        name=text(query, 'name'),
        baymodel=text(query, 'baymodel'),
        status=choice(query, 'status', sorted(STATUSES)),
        coe=choice(query, 'coe', sorted(baymodels.COES), baymodels.COE_SYNONYMS),
        label=_label(query.get('label')),
        changed_since=_moment(query.get('changed_since')),
    )


def members(query: Mapping[str, str], known: Collection[str]) -> frozenset[str] | None:
    """The members of documents that a request wants; None for all.

    :raises APIError: 400, for one that there is not.
    """
    listed = query.get('fields')
    if listed is None:
        return None
    chosen = frozenset(name.strip() for name in listed.split(',') if name.strip())
    unknown = sorted(chosen - set(known))
    if unknown or not chosen:
        raise errors.invalid_argument(
            'fields', listed, f'Value should be some of: {", ".join(sorted(known))}'
        )
    return chosen


def narrow(document: Mapping[str, Any], chosen: frozenset[str] | None) -> dict[str, Any]:
    """The document with the chosen members only."""
    if chosen is None:
        return dict(document)
    return {name: value for name, value in document.items() if name in chosen}


def text(query: Mapping[str, str], argument: str) -> str | None:
    """An argument that may be any text; None when it is not given.

    :raises APIError: 400.
    """
    value = query.get(argument)
    if value is not None and not is_storable(value):
        raise errors.invalid_argument(argument, value, 'Value should be text')
    return value


def choice(
    query: Mapping[str, str],
    argument: str,
    words: Collection[str],
    synonyms: Mapping[str, str] | None = None,
) -> str | None:
    """An argument that is one of some words; None when it is not given.

    :param synonyms: other spellings of words.
    :raises APIError: 400.
    """
    value = query.get(argument)
    if value is None:
        return None
    word = (synonyms or {}).get(value, value)
    if word not in words:
        raise errors.invalid_argument(
            argument, value, f'Value should be one of: {", ".join(words)}'
        )
    return word


def _label(given: str | None) -> tuple[str, str | None] | None:
    if given is None:
        return None
    key, equals, value = given.partition('=')
    if not _LABEL.fullmatch(key) or not is_storable(value):
        raise errors.invalid_argument('label', given, 'Value should be <key> or <key>=<value>')
    return key, value if equals else None


def _moment(given: str | None) -> datetime.datetime | None:
    if given is None:
        return None
    try:
        # A plus that was not encoded arrives as a space.
        moment = datetime.datetime.fromisoformat(given.replace(' ', '+'))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise errors.invalid_argument(
            'changed_since', given, 'Value should be a time in ISO 8601'
        ) from None
