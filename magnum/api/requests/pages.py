"""Pages of lists: what a request asks for, what is found, and the way to the next page."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from magnum.api.dialects import Dialect
from magnum.api.http import filtering, pagination
from magnum.api.http.request import Answer, Call
from magnum.api.requests import refusals
from magnum.api.views.base import View
from magnum.db.engine import Database
from magnum.db.repositories.paging import Paging
from magnum.db.repositories.resources import Resource
from magnum.db.selections import Row

Documents = list[dict[str, Any]]


class Page:
    """One page of a list, as a request asks for it.

    :param sortable: attributes that rows may be sorted by.
    :param is_numbered: markers are numbers of rows, not uuids.
    :raises APIError: 400.
    """

    def __init__(
        self,
        call: Call,
        dialect: Dialect,
        sortable: Collection[str],
        max_limit: int,
        is_numbered: bool = False,
    ):
        parse_marker = pagination.id_marker if is_numbered else pagination.uuid_marker
        self._key = 'id' if is_numbered else 'uuid'
        self._call = call
        self._dialect = dialect
        self._paging = pagination.paging(call.query, dialect, sortable, max_limit, parse_marker)

    def answer(
        self,
        path: str,
        find: Callable[[Paging], Sequence[Row]],
        documents: Callable[[Sequence[Row]], Documents],
    ) -> Answer:
        """The document of the page.

        :param path: of the list, below ``/v1/``.
        :param find: one more row than the page holds, if there is a next page.
        :raises APIError: 400, the marker is no item that the caller sees.
        """
        with refusals.told():
            rows = find(self._paging)
        return Answer(
            pagination.page_document(
                f'{self._call.base}/v1/{path}', self._call.query, self._dialect, self._paging,
                rows, documents(rows[: self._paging.limit]), self._key,
            )
        )


def of_resource(
    call: Call,
    database: Database,
    resource: Resource,
    view: View,
    action: str,
    max_limit: int,
) -> Answer:
    """A page of baymodels or bays, whichever of them the caller sees.

    :param action: ``get_all`` or ``detail``.
    """
    dialect = view.dialect
    call.caller.check(f'{dialect.policy}:{action}')
    page = Page(call, dialect, resource.sortable, max_limit)
    filters = filtering.filters(call.query)
    chosen = filtering.members(call.query, view.members)
    scope = call.caller.scope(f'{dialect.policy}:{action}_all_projects')
    path = f'{dialect.collection}/detail' if action == 'detail' else dialect.collection
    with database.reading() as session:

        def documents(rows: Sequence[Row]) -> Documents:
            found = view.documents(session, rows, call.base)
            if chosen is None:
                return found
            return [filtering.narrow(document, chosen) for document in found]

        return page.answer(
            path,
            lambda paging: resource.page(session, view.columns, scope, paging, filters),
            documents,
        )
