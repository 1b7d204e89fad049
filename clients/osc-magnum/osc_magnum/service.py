"""The container infrastructure service, through openstacksdk.

Documents come in the vocabulary of clusters, which shows more than that of bays;
:func:`renamed` gives members the names that commands use.
"""

import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import requests
from keystoneauth1 import exceptions as ksa_exceptions
from osc_lib import exceptions

from osc_magnum.errors import ServiceError, Unreachable

Document = dict[str, Any]
Query = Mapping[str, Any]

#: What this client was written for; the service may be newer.
MICROVERSION: Final = '1.25'
_NAMES: Final = {'cluster_template_id': 'baymodel_id', 'cluster_id': 'stack_id'}
#: The same by the other name, and what is of no use on a terminal.
_LEFT_OUT: Final = frozenset({'links', 'cluster_uuid', 'cluster_name', 'reason'})

BAYS: Final = '/clusters'
BAYMODELS: Final = '/clustertemplates'
CERTIFICATES: Final = '/certificates'
OPERATIONS: Final = '/operations'
QUOTAS: Final = '/quotas'
STATS: Final = '/stats'


class Service:
    """Requests to the service.

    :param adapter: openstacksdk's for the service.
    """

    def __init__(self, adapter: Any):
        self._adapter = adapter

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> requests.Response:
        """One request.

        :param more: as :meth:`requests.Session.request` takes it.
        :raises ServiceError: it was refused.
        :raises Unreachable: there was no answer.
        """
        sent = {'Accept': 'application/json', **(headers or {})}
        if body is not None:
            more['json'] = body
        try:
            answer: requests.Response = self._adapter.request(
                path,
                method,
                params=dict(query or {}),
                headers=sent,
                raise_exc=False,
                microversion=MICROVERSION,
                **more,
            )
        except ksa_exceptions.EndpointNotFound as error:
            raise exceptions.CommandError(
                f'{error}\nWhat to do: openstack catalog list; the catalogue of this cloud has '
                'no container infrastructure service, or not in this region.'
            ) from error
        except ksa_exceptions.ConnectFailure as error:
            raise Unreachable(error) from error
        if answer.status_code >= 400:
            raise ServiceError(answer)
        return answer

    def get(self, path: str, query: Query | None = None) -> Document:
        """One document."""
        document: Document = self.ask('GET', path, query=query).json()
        return document

    def preview(self, path: str, body: Document) -> Document:
        """What a ``POST`` would do, which is checked and not done."""
        document: Document = self.ask('POST', path, body, {'dry_run': 'true'}).json()
        return document

    def listed(
        self, path: str, member: str, query: Query | None = None, limit: int | None = None
    ) -> Iterator[Document]:
        """The items of a list, page by page.

        :param member: that holds them.
        :param limit: how many at most.
        """
        asked = {**(query or {}), **({'limit': limit} if limit else {})}
        count = 0
        while True:
            page = self.get(path, asked)
            for item in page[member]:
                yield item
                count += 1
                if limit and count >= limit:
                    return
            if not page.get('next'):
                return
            # Only its query: the service may not know under which address it is reached.
            asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page['next']).query))

    def bay(self, ident: str) -> Document:
        """A bay by name or uuid."""
        return self.get(one(BAYS, ident))

    def bay_uuid(self, ident: str) -> str:
        """The uuid of a bay, by which it is found when it is gone, too."""
        try:
            return str(uuid.UUID(ident))
        except ValueError:
            return str(self.bay(ident)['uuid'])

    def nodegroups(self, bay: str) -> list[Document]:
        """The node groups of a bay."""
        return list(self.listed(one(BAYS, bay, 'nodegroups'), 'nodegroups'))

    def nodegroup(self, bay: str, ident: str | None) -> Document:
        """A node group of a bay; by default the default workers."""
        if ident:
            return self.get(one(BAYS, bay, 'nodegroups', ident))
        return next(
            group
            for group in self.nodegroups(bay)
            if group['is_default'] and group['role'] != 'master'
        )

    def operation(self, ident: str) -> Document:
        """An operation by uuid."""
        return self.get(one(OPERATIONS, ident))


def one(collection: str, ident: str, *rest: str) -> str:
    """The path of an item, or of something below it."""
    return '/'.join([collection, *(urllib.parse.quote(part, safe='') for part in (ident, *rest))])


def operation_id(answer: requests.Response) -> str | None:
    """The operation that a request began; None where it changed nothing."""
    location = answer.headers.get('Operation-Location')
    return str(location).rpartition('/')[2] if location else None


def renamed(document: Mapping[str, Any]) -> Document:
    """Members under the names that commands use, without those that say nothing new."""
    return {
        _NAMES.get(member, member): value
        for member, value in document.items()
        if member not in _LEFT_OUT
    }
