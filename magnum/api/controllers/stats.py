"""Statistics: how many bays and nodes there are."""

from typing import Final

from magnum.api.http import filtering
from magnum.api.http.request import Answer, Call
from magnum.api.services import Services
from magnum.api.views.stats import STATISTICS
from magnum.db.repositories import stats as repository
from magnum.db.repositories.visibility import Scope

#: What can be counted, by the name that clients know.
_TYPE: Final = 'cluster'


class StatsController:
    """``/v1/stats``."""

    def __init__(self, services: Services):
        self._database = services.database

    def get(self, call: Call) -> Answer:
        """GET: the numbers of a project, or of the whole cloud."""
        filtering.choice(call.query, 'type', (_TYPE,))
        scope = self._scope(call)
        with self._database.reading() as session:
            counts = repository.count(session, scope)
        return Answer(STATISTICS.document(counts))

    def _scope(self, call: Call) -> Scope:
        project_id = filtering.text(call.query, 'project_id')
        if not project_id:
            call.caller.check('stats:get_all')
            return call.caller.scope('stats:get_all_all_projects')
        call.caller.check('stats:get_all', {'project_id': project_id})
        return Scope(project_id, None)
