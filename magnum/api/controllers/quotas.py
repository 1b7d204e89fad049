"""Quotas: how many bays a project may have."""

from typing import Any, Final

from oslo_log import log as logging
from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import QUOTAS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import refusals
from magnum.api.requests.pages import Page
from magnum.api.services import Services
from magnum.api.types import quotas as types
from magnum.api.types.fields import defaults
from magnum.api.types.scalars import coerce
from magnum.api.views.members import DocumentType, of_field
from magnum.clients.errors import CloudError
from magnum.clients.projects import Projects
from magnum.db.repositories import quotas as repository

LOG = logging.getLogger(__name__)

_DEFAULTS: Final = defaults(types.FIELDS)
_QUOTA: Final = DocumentType(*map(of_field, types.FIELDS))


class QuotasController:
    """``/v1/quotas``."""

    def __init__(self, services: Services):
        self._conf = services.conf
        self._database = services.database
        self._projects = Projects(services.conf)

    def list(self, call: Call) -> Answer:
        """GET of the quotas that are set: the own project's, or all."""
        call.caller.check('quota:get_all')
        project_id = None if call.flag('all_tenants') else call.caller.project_id or ''
        page = Page(
            call, QUOTAS, repository.SORTABLE, self._conf.api.max_limit, is_numbered=True
        )
        with self._database.reading() as session:
            return page.answer(
                QUOTAS.collection,
                lambda paging: repository.page(session, project_id, paging),
                lambda rows: [_QUOTA.document(row) for row in rows],
            )

    def get(self, call: Call) -> Answer:
        """GET of one: what is set, or the operator's default."""
        project_id, resource = _named(call)
        call.caller.check('quota:get', {'project_id': project_id})
        with self._database.reading() as session:
            row = repository.find(session, project_id, resource)
        if row is not None:
            return Answer(_QUOTA.document(row))
        return Answer(
            {
                'hard_limit': self._conf.quotas.max_clusters_per_project,
                'project_id': project_id,
                'resource': resource,
            }
        )

    def get_without_resource(self, call: Call) -> Answer:
        """GET of a project's quotas is not offered: name the resource, too."""
        raise errors.APIError(errors.requests.BAD_REQUEST, 'Missing argument: "resource"')

    def create(self, call: Call) -> Answer:
        """POST: the quota of a project that has none."""
        call.caller.check('quota:create')
        given = {**_DEFAULTS, **types.TYPE.parse(call.body(QUOTAS.argument))}
        project_id: str | None = given['project_id']
        if project_id is None:
            raise errors.APIError(
                errors.requests.INVALID_VALUE, 'Must provide a valid project ID.',
                source=errors.pointer('project_id'),
            )
        self._check_exists(project_id)

        def work(session: orm.Session) -> Answer:
            repository.insert(session, project_id, given['resource'], given['hard_limit'])
            return call.keep(
                session, Answer(_stored(session, project_id, given['resource']), 201)
            )

        with refusals.told(quota=given):
            return self._database.run(work)

    def update(self, call: Call) -> Answer:
        """PATCH with a plain object: another limit; 1 when none is given."""
        call.caller.check('quota:update')
        given = {**_DEFAULTS, **types.CHANGE.parse(call.body(QUOTAS.argument))}
        project_id, resource = _named(call)

        def work(session: orm.Session) -> Answer:
            if not repository.update(session, project_id, resource, given['hard_limit']):
                raise _not_found(project_id, resource)
            return Answer(_stored(session, project_id, resource), 202)

        return self._database.run(work)

    def delete(self, call: Call) -> Answer:
        """DELETE: back to the operator's default."""
        call.caller.check('quota:delete')
        project_id, resource = _named(call)

        def work(session: orm.Session) -> None:
            if not repository.update(session, project_id, resource, None):
                raise _not_found(project_id, resource)

        self._database.run(work)
        return Answer(status=204)

    def _check_exists(self, project_id: str) -> None:
        try:
            exists = self._projects.exists(project_id)
        except CloudError as error:
            LOG.warning('Keystone does not say whether a project exists: %s', error)
            raise errors.APIError(
                errors.service.CLOUD_UNAVAILABLE,
                'The identity service does not say whether the project exists. Try again later.',
            ) from None
        if not exists:
            raise errors.APIError(
                errors.quotas.PROJECT_NOT_FOUND, f'Project {project_id} could not be found.',
                source=errors.pointer('project_id'),
            )


def _named(call: Call) -> tuple[str, str]:
    """The project and the resource that a path names.

    :raises APIError: 400, there is no quota of such a resource.
    """
    project_id, resource = call.arguments
    for field, value in zip(('project_id', 'resource'), call.arguments, strict=True):
        try:
            coerce(types.TYPE.by_member[field].datatype, value)
        except ValueError as error:
            raise errors.invalid_argument(field, value, str(error)) from None
    return project_id, resource


def _stored(session: orm.Session, project_id: str, resource: str) -> dict[str, Any]:
    row = repository.find(session, project_id, resource)
    if row is None:
        raise _not_found(project_id, resource)
    return _QUOTA.document(row)


def _not_found(project_id: str, resource: str) -> errors.APIError:
    return errors.APIError(
        errors.quotas.NOT_FOUND,
        f'Quota could not be found: no quota for project {project_id} and resource {resource}.',
    )
