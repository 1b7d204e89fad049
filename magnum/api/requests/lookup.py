"""Look-ups of what a path or a body names, or its 404."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.api.http.request import Call
from magnum.db import models
from magnum.db.repositories import baymodels, bays, locking, nodegroups, operations
from magnum.db.repositories.resources import Ambiguous
from magnum.db.repositories.visibility import Scope
from magnum.db.selections import Columns, Row
from magnum.domain.uuids import is_uuid

#: Of a bay, for who only has to know whose it is.
OWNER: Final = (bays.TABLE.c.uuid, bays.TABLE.c.project_id)
_LAST_OWNER = (operations.TABLE.c.bay_uuid, operations.TABLE.c.project_id)


def baymodel(
    session: orm.Session,
    dialect: Dialect,
    columns: Columns,
    scope: Scope,
    ident: str,
    absent: errors.Kind = errors.baymodels.NOT_FOUND,
    field: str | None = None,
) -> Row:
    """The visible baymodel of a uuid or name.

    :param absent: the kind of error when there is none.
    :param field: of the body, where it is named there.
    :raises APIError: also 409, when several have the name.
    """
    find = functools.partial(baymodels.find, session, columns, scope, ident)
    return _found(find, dialect, ident, (absent, errors.baymodels.AMBIGUOUS), field)


def bay(
    session: orm.Session,
    dialect: Dialect,
    columns: Columns,
    scope: Scope,
    ident: str,
    absent: errors.Kind = errors.bays.NOT_FOUND,
    field: str | None = None,
) -> Row:
    """The visible bay of a uuid or name; parameters and errors as of ``baymodel``."""
    find = functools.partial(bays.find, session, columns, scope, ident)
    return _found(find, dialect, ident, (absent, errors.bays.AMBIGUOUS), field)


def allowed_bay(
    session: orm.Session,
    call: Call,
    dialect: Dialect,
    policy: str,
    action: str,
    all_projects: str | None = None,
) -> Row:
    """The bay of the path, if the caller may do this to it: its uuid and its project.

    :param policy: with which the names of rules begin.
    :param all_projects: the rule by which bays of all projects are visible.
    :raises APIError: as of ``baymodel``; 403.
    """
    scope = call.caller.scope(f'{policy}:{all_projects}' if all_projects else None)
    row = bay(session, dialect, OWNER, scope, call.arguments[0])
    target = {'project_id': row.project_id, 'bay_uuid': row.uuid}
    call.caller.check(f'{policy}:{action}', target)
    return row


def nodegroup(
    session: orm.Session,
    columns: Columns,
    bay_uuid: str,
    ident: str | None,
    field: str | None = None,
) -> Row:
    """The bay's node group of a uuid or name; of None, its default workers.

    :param field: of the body, where it is named there.
    :raises APIError: 404.
    """
    if ident is None:
        return nodegroups.default(session, columns, bay_uuid)
    row = nodegroups.find(session, columns, bay_uuid, ident)
    if row is None:
        raise errors.APIError(
            errors.nodegroups.NOT_FOUND,
            f'Nodegroup {ident} could not be found.',
            source=_source(field),
        )
    return row


def locked_bay(session: orm.Session, call: Call, bay_uuid: str) -> models.Bay:
    """The bay that a request changes, locked, as the client has seen it.

    :raises BayGone: it was deleted since it was found.
    :raises APIError: 412.
    """
    bay = locking.lock_bay(session, bay_uuid)
    call.precondition.check(bay.generation)
    return bay


@dataclasses.dataclass(frozen=True)
class Known:
    """A bay that is there, or one that was."""

    uuid: str
    project_id: str | None
    is_gone: bool


def bay_or_gone(session: orm.Session, dialect: Dialect, scope: Scope, ident: str) -> Known:
    """The visible bay of a uuid or name, or, by its uuid, one that is gone.

    Errors as those of ``baymodel``.
    """
    try:
        row = bay(session, dialect, OWNER, scope, ident)
    except errors.APIError as error:
        if error.kind is not errors.bays.NOT_FOUND or not is_uuid(ident):
            raise
        # What was done for it tells whose it was.
        last = operations.last_of_bay(session, _LAST_OWNER, scope, ident.lower())
        if last is None:
            raise
        return Known(last.bay_uuid, last.project_id, is_gone=True)
    return Known(row.uuid, row.project_id, is_gone=False)


def not_found(
    kind: errors.Kind, dialect: Dialect, ident: str, field: str | None = None
) -> errors.APIError:
    """There is no such thing that the caller may see."""
    return errors.APIError(
        kind, f'{dialect.title} {ident} could not be found.', source=_source(field)
    )


def _found(
    find: Callable[[], Row | None],
    dialect: Dialect,
    ident: str,
    kinds: tuple[errors.Kind, errors.Kind],
    field: str | None,
) -> Row:
    """What is found.

    :param kinds: of the errors when there is none, and when there are several.
    """
    absent, ambiguous = kinds
    try:
        row = find()
    except Ambiguous:
        raise errors.APIError(
            ambiguous,
            f'Multiple {dialect.plural} exist with same name. '
            f'Please use the {dialect.singular} uuid instead.',
            source=_source(field),
        ) from None
    if row is None:
        raise not_found(absent, dialect, ident, field)
    return row


def _source(field: str | None) -> dict[str, str] | None:
    return None if field is None else errors.pointer(field)
