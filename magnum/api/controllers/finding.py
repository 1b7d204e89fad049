"""Finding what a path or a body names, or the error that says it is not there."""


from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.db.repositories import baymodels, bays, nodegroups
from magnum.db.repositories.scopes import Ambiguous, Columns, Row, Scope

#: No name holds it, and PostgreSQL does not take it.
_NUL = '\0'


def baymodel(
    session: orm.Session,
    dialect: Dialect,
    columns: Columns,
    scope: Scope,
    ident: str,
    absent: errors.Kind = errors.BAYMODEL_NOT_FOUND,
) -> Row:
    """The visible baymodel of a uuid or name.

    :param absent: the kind of error when there is none.
    :raises APIError: also 409, when several have the name.
    """
    try:
        row = None if _NUL in ident else baymodels.find(session, columns, scope, ident)
    except Ambiguous:
        raise _ambiguous(errors.BAYMODEL_AMBIGUOUS, dialect) from None
    if row is None:
        raise not_found(absent, dialect, ident)
    return row


def bay(
    session: orm.Session,
    dialect: Dialect,
    columns: Columns,
    scope: Scope,
    ident: str,
    absent: errors.Kind = errors.BAY_NOT_FOUND,
) -> Row:
    """The visible bay of a uuid or name; errors as those of ``baymodel``."""
    try:
        row = None if _NUL in ident else bays.find(session, columns, scope, ident)
    except Ambiguous:
        raise _ambiguous(errors.BAY_AMBIGUOUS, dialect) from None
    if row is None:
        raise not_found(absent, dialect, ident)
    return row


def nodegroup(
    session: orm.Session, columns: Columns, bay_uuid: str, ident: str | None
) -> Row:
    """The bay's node group of a uuid or name; of None, its default workers.

    :raises APIError: 404.
    """
    if ident is None:
        return nodegroups.default(session, columns, bay_uuid)
    row = None if _NUL in ident else nodegroups.find(session, columns, bay_uuid, ident)
    if row is None:
        raise errors.APIError(
            errors.NODEGROUP_NOT_FOUND, f'Nodegroup {ident} could not be found.'
        )
    return row


def not_found(kind: errors.Kind, dialect: Dialect, ident: str) -> errors.APIError:
    """There is no such thing that the caller may see."""
    return errors.APIError(kind, f'{dialect.title} {ident} could not be found.')


def _ambiguous(kind: errors.Kind, dialect: Dialect) -> errors.APIError:
    return errors.APIError(
        kind,
        f'Multiple {dialect.plural} exist with same name. '
        f'Please use the {dialect.singular} uuid instead.',
    )
