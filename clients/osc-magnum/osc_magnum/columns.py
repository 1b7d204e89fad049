"""Values as a person reads them; ``-f json`` has them as the service sends them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cliff.columns import FormattableColumn

Row = tuple[Any, ...]

#: Members that are points of time.
TIMES: Final = frozenset(
    {'created_at', 'updated_at', 'started_at', 'finished_at', 'deadline', 'heard_at'}
)


class Moment(FormattableColumn[Any]):
    """A point of time in UTC."""

    def human_readable(self) -> str:
        """To the second, without the zone."""
        return self._value[:19].replace('T', ' ') if self._value else ''


class Names(FormattableColumn[Any]):
    """A list of words, one after the other."""

    def human_readable(self) -> str:
        """Separated by commas."""
        return ', '.join(map(str, self._value))


class Pairs(FormattableColumn[Any]):
    """Names and values, one pair a line."""

    def human_readable(self) -> str:
        """In the order of their names."""
        return '\n'.join(f'{name}: {value}' for name, value in sorted(self._value.items()))


class Taints(FormattableColumn[Any]):
    """Taints of nodes in Kubernetes, one a line."""

    def human_readable(self) -> str:
        """As ``kubectl taint`` takes them."""
        return '\n'.join(
            f'{taint["key"]}{"=" if taint.get("value") else ""}{taint.get("value") or ""}'
            f':{taint["effect"]}'
            for taint in self._value
        )


class Steps(FormattableColumn[Any]):
    """The steps of an operation, one a line."""

    def human_readable(self) -> str:
        """State, name, and why one failed."""
        return '\n'.join(
            f'{step["state"]:8} {step["name"]}' + (f': {step["reason"]}' if step['reason'] else '')
            for step in self._value
        )


class Failure(FormattableColumn[Any]):
    """Why an operation failed, or what it last met."""

    def human_readable(self) -> str:
        """One member a line; empty where there is no failure."""
        told = {name: value for name, value in (self._value or {}).items() if value is not None}
        return '\n'.join(f'{name}: {value}' for name, value in told.items())


class ResolvedLabels(FormattableColumn[Any]):
    """Labels with their values, and where each is from."""

    def human_readable(self) -> str:
        """One label a line; those without a value are left out."""
        return '\n'.join(
            f'{name}: {label["value"]} ({label["origin"]})'
            + (f', without effect: {label["reason"]}' if label['effect'] == 'none' else '')
            for name, label in sorted(self._value.items())
            if label['value']
        )


class Conditions(FormattableColumn[Any]):
    """Conditions of a node: those that are not well, one a line."""

    def human_readable(self) -> str:
        """Name and message; empty where all is well."""
        return '\n'.join(
            f'{name}: {said["message"] or said["reason"]}'
            for name, said in sorted(self._value.items()) if said['status'] == 'False'
        )


def column(name: str, value: Any) -> Any:
    """A value of a document for a cell.

    :param name: of its member.
    """
    if name in TIMES:
        return Moment(value)
    match value:
        case Mapping():
            return Pairs(value)
        case list():
            return Names(value)
        case _:
            return value


def record(
    document: Mapping[str, Any], kinds: Mapping[str, type[FormattableColumn[Any]]] | None = None
) -> tuple[Row, Row]:
    """One document, as commands that show one return it.

    :param kinds: of members whose values are not shown as others of their type.
    """
    values = (
        kinds[name](value) if kinds and name in kinds else column(name, value)
        for name, value in document.items()
    )
    return tuple(document), tuple(values)


def table(
    names: Sequence[str],
    documents: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, type[FormattableColumn[Any]]] | None = None,
) -> tuple[Sequence[str], list[Row]]:
    """Some members of documents, as commands that list return them.

    :param kinds: as in :func:`record`.
    """
    rows = [
        tuple(
            kinds[name](document[name]) if kinds and name in kinds
            else column(name, document.get(name))
            for name in names
        )
        for document in documents
    ]
    return names, rows
