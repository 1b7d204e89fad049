"""SQL statements and cloud calls of every route of ours, from the route table.

``python -m tools.bench.costs``, in the environment ``ours`` while the fake
cloud runs. Requests are made in this process, without a web server, and with
nothing remembered of the cloud (``[api]lookup_cache_time`` is 0). Every GET is
made twice: with few rows in the tables and with many; ``grows`` marks those
that cost more with many.
"""

import collections
import dataclasses
import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from tools.bench import settings, suites
from tools.bench.contenders import Ours, OursBays
from tools.bench.profile_api import Counts, ask

_FEW: Final = 2
_MANY: Final = 100
_ADMIN: Final = 'admin'
_GROUP: Final = 'further'
_PROJECT_QUOTA: Final = {
    'project_id': settings.PROJECT, 'resource': 'Cluster', 'hard_limit': 5000,
}
_FURTHER_GROUP: Final = """
    INSERT INTO nodegroup (
        bay_uuid, name, project_id, uuid, created_at, role, is_default, labels, node_labels,
        node_taints, node_addresses, node_count, min_node_count, generation, flavor_id, image_id
    ) VALUES (%s, %s, %s, UUID(), NOW(), 'worker', 0, '{}', '{}', '[]', '[]', 1, 0, 1, 'm1.small',
        %s)
"""
_QUOTA: Final = """
    INSERT INTO quota (project_id, resource, hard_limit, created_at)
    VALUES (%s, 'Cluster', 10, NOW())
"""


@dataclasses.dataclass(frozen=True)
class Things:
    """Names of what is in the tables; ``template`` has no bays."""

    template: str
    bay: str
    operation: str
    csr: str


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one request was answered with, and what it took."""

    status: str
    statements: int
    calls: int


#: What is sent to a route, by its method and the end of its handler's name.
_BODIES: Final[dict[str, Callable[[Ours, Things], Any]]] = {
    'baymodels.create': lambda ours, things: ours.template_body(),
    'baymodels.update': lambda ours, things: _replace('name', 'other'),
    'bays.create': lambda ours, things: ours.bay_body('costs', things.template),
    'bays.update': lambda ours, things: _replace('node_count', 3),
    'actions.resize': lambda ours, things: {'node_count': 3},
    'actions.upgrade': lambda ours, things: {'cluster_template': things.template},
    'nodegroups.create': lambda ours, things: {'name': 'another', 'node_count': 1},
    'nodegroups.update': lambda ours, things: _replace('max_node_count', 9),
    'config.create': lambda ours, things: {'csr': things.csr},
    'certificates.create': lambda ours, things: ours.certificate_body(things.bay, things.csr),
    'quotas.create': lambda ours, things: _PROJECT_QUOTA,
    'quotas.update': lambda ours, things: {**_PROJECT_QUOTA, 'hard_limit': 6000},
    'quotas.delete': lambda ours, things: _PROJECT_QUOTA,
}
#: Of a token, once per token and process.
_VALIDATION: Final = '/auth/tokens'
_FOR_ADMINS: Final = ('quotas', 'mservices')


class _Service:
    """The application in this process, over tables that are filled as each request needs."""

    def __init__(self, directory: pathlib.Path):
        forgetful = directory / 'costs.conf'
        forgetful.write_text('[api]\nlookup_cache_time = 0\n')
        self._ours = Ours()
        files = [str(self._ours.configuration), str(forgetful)]
        os.environ['OS_MAGNUM_CONFIG_FILES'] = ';'.join(files)
        from oslo_config import cfg

        from magnum import conf as magnum_conf
        from magnum.certificates.service import CertificateService
        from magnum.db.engine import Database
        from magnum.wsgi.api import application

        conf = magnum_conf.load(config_files=files, conf=cfg.ConfigOpts())
        self._database = Database(conf)
        self._certificates = CertificateService(conf)
        self._application = application
        self._csr = suites.signing_request()
        self._counts = Counts()
        # What versions services speak is asked for once per process.
        body = json.dumps(self._ours.template_body())
        for token in (settings.TOKEN, _ADMIN):
            ask(application, 'POST', '/v1/clustertemplates', body, token)

    def cost(self, route: Any, rows: int) -> Cost:
        """What one request to a route takes."""
        things = self._fill(route, rows)
        _, _, action = route.handler.name.partition('.')
        body = self._body(route, things, action)
        path = _path(route.path, things)
        token = _ADMIN if route.handler.name.startswith(_FOR_ADMINS) else settings.TOKEN
        self._counts.seen.clear()
        status, _ = ask(self._application, route.method, path, body, token)
        totals: collections.Counter[str] = collections.Counter()
        for name, count in self._counts.seen.items():
            if not name.endswith(_VALIDATION):
                totals[name.partition(' ')[0]] += count
        return Cost(status, totals['SQL'], totals['HTTP'])

    def _body(self, route: Any, things: Things, action: str) -> str:
        for end, body in _BODIES.items():
            kind, _, name = end.partition('.')
            controller = route.handler.name.partition('.')[0]
            controller = controller.replace('clustertemplates', 'baymodels')
            controller = controller.replace('clusters', 'bays')
            if action == name and controller.rpartition('_')[2] == kind:
                spoken = OursBays() if route.path.startswith('/v1/bay') else self._ours
                return json.dumps(body(spoken, things))
        return ''

    def _fill(self, route: Any, rows: int) -> Things:
        """Empty the tables, and put in what the request is about."""
        self._ours.wipe()
        seeded = self._ours.seed(templates=rows, bays=rows - 1)
        template, bay = seeded.templates[-1], seeded.bays[0]
        with self._database.writing() as session:
            self._certificates.ensure_authority(session, bay, 'bay')
        with self._ours.connect() as connection, connection.cursor() as cursor:
            cursor.execute(_FURTHER_GROUP, (
                bay, _GROUP, settings.PROJECT, self._ours.image
            ))
            if route.path.startswith('/v1/quotas') and route.method != 'POST':
                cursor.execute(_QUOTA, (settings.PROJECT,))
        return Things(template, bay, self._operation(route, bay), self._csr)

    def _operation(self, route: Any, bay: str) -> str:
        """One that is planned, or has failed, where the request is about one."""
        if 'operation' not in route.path:
            return ''
        ask(self._application, 'POST', f'/v1/clusters/{bay}/actions/resize', '{"node_count": 3}')
        with self._ours.connect() as connection, connection.cursor() as cursor:
            if route.path.endswith('retry'):
                cursor.execute("UPDATE operation SET state = 'FAILED', active_for = NULL")
            cursor.execute('SELECT uuid FROM operation')
            (uuid,) = cursor.fetchone()
        return str(uuid)


def _replace(member: str, value: Any) -> Any:
    return [{'op': 'replace', 'path': f'/{member}', 'value': value}]


def _path(path: str, things: Things) -> str:
    names = {
        'ident': things.template if 'templates' in path or 'baymodels' in path else things.bay,
        'bay': things.bay, 'ca_cert_type': 'kubernetes', 'nodegroup': _GROUP,
        'operation': things.operation, 'project_id': settings.PROJECT, 'resource': 'Cluster',
        'driver': 'kubernetes',
    }
    return path.format(**names)


def _lines(routes: Sequence[Any], service: _Service) -> Iterator[str]:
    yield f'{"route":58} {"SQL":>4} {"cloud":>6}  answer'
    for route in routes:
        few = service.cost(route, _FEW)
        many = service.cost(route, _MANY) if route.method == 'GET' else few
        grows = 'grows' if (many.statements, many.calls) > (few.statements, few.calls) else ''
        name = f'{route.method} {route.path}'
        yield f'{name:58} {many.statements:4} {many.calls:6}  {many.status} {grows}'.rstrip()


def main() -> None:
    """Print the list."""
    from magnum.api.routes import of_callers

    with tempfile.TemporaryDirectory() as directory:
        for line in _lines(of_callers(), _Service(pathlib.Path(directory))):
            print(line, flush=True)


if __name__ == '__main__':
    main()
