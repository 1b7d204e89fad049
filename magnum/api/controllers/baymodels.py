"""Baymodels and cluster templates: one implementation for both names."""

from collections.abc import Mapping, Set
from typing import Any, Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.api.http import filtering, json_patch
from magnum.api.http.conditional import etag
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, pages, refusals
from magnum.api.requests.cloud_checks import Lookups
from magnum.api.services import Services
from magnum.api.types import baymodels as types
from magnum.api.views import labels as resolved_labels
from magnum.api.views.base import BaymodelView
from magnum.db.repositories import baymodels as repository
from magnum.db.selections import Row
from magnum.domain import baymodels as rules
from magnum.domain import names
from magnum.drivers import presets
from magnum.drivers.contract import Driver

# PATCH reads a baymodel whole, with what guards its change.
_STORED: Final = tuple(
    column for column in repository.TABLE.c if column.name not in ('id', 'created_at', 'updated_at')
)
_PUBLISHED: Final = frozenset({'public', 'hidden'})
_OWNER: Final = (
    repository.TABLE.c.uuid, repository.TABLE.c.project_id, repository.TABLE.c.generation
)


class BaymodelsController:
    """``/v1/baymodels`` or ``/v1/clustertemplates``."""

    def __init__(self, services: Services, dialect: Dialect):
        self._database = services.database
        self._preflight = services.preflight
        self._selection = services.selection
        self._conf = services.conf
        self._dialect = dialect
        self._type = types.TYPES[dialect]
        self._view = BaymodelView(self._type)

    def list(self, call: Call) -> Answer:
        """GET of the collection."""
        return self._page(call, 'get_all')

    def detail(self, call: Call) -> Answer:
        """GET of the collection in detail: the same."""
        return self._page(call, 'detail')

    def get(self, call: Call) -> Answer:
        """GET of one. A public one is for everybody."""
        scope = call.caller.scope(self._rule('get_one_all_projects'))
        (ident,) = call.arguments
        with self._database.reading() as session:
            row = lookup.baymodel(session, self._dialect, self._view.columns, scope, ident)
            if not row.public or call.caller.bay_uuid:
                call.caller.check(self._rule('get'), {'project_id': row.owner})
            (document,) = self._view.documents(session, [row], call.base)
        chosen = filtering.members(call.query, self._view.members)
        return Answer(filtering.narrow(document, chosen), headers=etag(row.generation))

    def create(self, call: Call) -> Answer:
        """POST: a new baymodel, at once."""
        given = self._type.parse(call.body(self._dialect.argument))
        call.caller.check(self._rule('create'))
        values = {**types.DEFAULTS, **given}
        values['name'] = values['name'] or names.generate(self._dialect.name_suffix)
        if values['uuid'] is None:
            del values['uuid']
        values['docker_storage_driver'] = rules.storage_driver(values['docker_storage_driver'])
        self._check_publish(call, {name for name in _PUBLISHED if values[name]})
        found, driver = self._checked_in_cloud(
            values, self._preflight.of(call.caller), is_new=True
        )
        values |= found
        values |= {'project_id': call.caller.project_id, 'user_id': call.caller.user_id}
        if call.flag('dry_run'):
            made = self._database.dry_run(lambda one: self._insert(one, values, call.base))
            shown = {
                member: value for member, value in made.document.items()
                if member not in types.OF_A_ROW
            }
            return Answer({
                'dry_run': True,
                self._dialect.argument: shown,
                'labels': resolved_labels.document(
                    driver.labels_schema(), values['labels'], values['labels'],
                    {'network_driver': values['network_driver']}, presets.of_bay(self._conf),
                ),
            })
        return self._database.run(
            lambda session: call.keep(session, self._insert(session, values, call.base))
        )

    def update(self, call: Call) -> Answer:
        """PATCH: effective at once."""
        steps = json_patch.parse(call, self._type)
        scope = call.caller.scope(self._rule('update_all_projects'))
        (ident,) = call.arguments
        with self._database.reading() as session:
            row = lookup.baymodel(session, self._dialect, _STORED, scope, ident)
        # A foreign public one is visible, but not to be changed.
        call.caller.check(self._rule('update'), {'project_id': row.project_id})
        current = row._asdict()
        changes = json_patch.apply(steps, current)
        # The image has the say.
        changes.pop('cluster_distro', None)
        if 'name' in changes and changes['name'] is None:
            changes['name'] = names.generate(self._dialect.name_suffix)
        self._check_publish(call, changes.keys() & _PUBLISHED)
        if changes:
            changes = self._checked_changes(call, current, changes)
        call.precondition.check(row.generation)
        return self._database.run(
            lambda session: self._update(session, row, changes, call.base)
        )

    def delete(self, call: Call) -> Answer:
        """DELETE, unless bays refer to it, or will when their upgrades have succeeded."""
        scope = call.caller.scope(self._rule('delete_all_projects'))
        (ident,) = call.arguments

        def work(session: orm.Session) -> None:
            row = lookup.baymodel(session, self._dialect, _OWNER, scope, ident)
            call.caller.check(self._rule('delete'), {'project_id': row.project_id})
            call.precondition.check(row.generation)
            repository.delete(session, row.uuid)

        with refusals.told(baymodel=self._dialect, ident=ident):
            self._database.run(work)
        return Answer(status=204)

    def _rule(self, action: str) -> str:
        return f'{self._dialect.policy}:{action}'

    def _check_publish(self, call: Call, wanted: Set[str]) -> None:
        if wanted and not call.caller.may(self._rule('publish')):
            raise errors.APIError(
                errors.baymodels.PUBLISH_REFUSED,
                'Not authorized to set public or hidden flag for cluster template.',
                source=errors.pointer(min(wanted)),
            )

    def _page(self, call: Call, action: str) -> Answer:
        return pages.of_resource(
            call, self._database, repository.RESOURCE, self._view, action,
            self._conf.api.max_limit,
        )

    def _insert(self, session: orm.Session, values: Mapping[str, Any], base: str) -> Answer:
        with refusals.told(baymodel=self._dialect, ident=values.get('uuid')):
            uuid = repository.insert(session, values)
        return self._stored(session, uuid, base, 201)

    def _update(
        self, session: orm.Session, row: Row, changes: Mapping[str, Any], base: str
    ) -> Answer:
        if not changes:
            return self._stored(session, row.uuid, base)
        allowed_in_use = rules.may_change_while_in_use(changes)
        with refusals.told(baymodel=self._dialect, ident=row.uuid):
            repository.update(
                session, row.uuid, row.generation, changes, allowed_in_use,
                alters_upgrades=not changes.keys() <= rules.WITHOUT_EFFECT_ON_BAYS,
            )
        return self._stored(session, row.uuid, base)

    def _stored(self, session: orm.Session, uuid: str, base: str, status: int = 200) -> Answer:
        row = repository.by_uuid(session, self._view.columns, uuid)
        if row is None:
            raise lookup.not_found(errors.baymodels.NOT_FOUND, self._dialect, uuid)
        (document,) = self._view.documents(session, [row], base)
        headers = etag(row.generation)
        if status == 201:
            headers['Location'] = document['links'][0]['href']
        return Answer(document, status, headers)

    def _checked_changes(
        self, call: Call, current: Mapping[str, Any], changes: dict[str, Any]
    ) -> dict[str, Any]:
        """The changes, completed, when the whole still stands."""
        if 'docker_storage_driver' in changes:
            changes['docker_storage_driver'] = rules.storage_driver(
                changes['docker_storage_driver']
            )
        if changes.keys() <= rules.WITHOUT_EFFECT_ON_BAYS:
            return changes
        after = {**current, **changes}
        found, _ = self._checked_in_cloud(after, self._preflight.of(call.caller), is_new=False)
        return changes | {
            attribute: value for attribute, value in found.items() if value != current[attribute]
        }

    def _checked_in_cloud(
        self, values: Mapping[str, Any], lookups: Lookups, is_new: bool
    ) -> tuple[dict[str, Any], Driver]:
        """What the image and its driver decide of a baymodel, and that driver.

        :raises APIError: a value names nothing in the cloud, or nothing that
            the driver supports.
        """
        image = lookups.image('image_id', values['image_id'])
        driver = self._selection.of_baymodel(values, image)
        network_driver = self._selection.network_driver(
            values['coe'], values['network_driver'], driver
        )
        self._selection.check_volume_driver(values['volume_driver'], driver)
        applied = self._selection.checked_labels(values['labels'], driver)
        lookups.named(values, self._selection.boots_from_flavor(applied))
        lookups.zones(*self._selection.zones(applied, values, driver))
        lookups.volume_types(self._selection.volume_types(applied, values, driver))
        lookups.services(self._selection.services(applied, driver))
        if is_new and self._type.by_member['keypair_id'].mandatory:
            lookups.public_key('keypair_id', values['keypair_id'])
        return {'network_driver': network_driver, 'cluster_distro': image.os_distro}, driver
