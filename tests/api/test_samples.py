"""The samples of the API reference: all recorded, none left over, one for each route."""

import json
import pathlib
import re

from magnum.api.http.routing import Route
from magnum.api.routes import of_callers
from tests.api.fixtures.samples import FOLDER

_GABBITS = pathlib.Path(__file__).parent / 'gabbits'
#: What has no sample of its own: the older name's copies of what clusters show, and
#: what is shown as a whole elsewhere, refuses always, or is the same under two paths.
_ONCE = re.compile(
    r'GET (/v1/openapi\.json|/v1/quotas/\{project_id\}|/v1/certificates/\{bay\}/\{ca_cert_type\})'
    r'|GET /v1/bay(s|models)/detail|PATCH /v1/certificates/\{bay\}|[A-Z]+ /v1/bays/\{ident\}/.+'
)


def test_every_sample_is_recorded() -> None:
    named = {
        name
        for path in _GABBITS.glob('*.yaml')
        for name in re.findall(r'^\s*x-sample: (\S+)$', path.read_text(), re.MULTILINE)
    }
    assert named == {path.stem for path in FOLDER.glob('*.json')}


def test_every_route_has_a_sample() -> None:
    requests = [json.loads(path.read_text())['request'] for path in FOLDER.glob('*.json')]
    shown = {(request['method'], request['path'].partition('?')[0]) for request in requests}
    without = {
        f'{route.method} {route.path}'
        for route in of_callers()
        if not any(_fits(route, method, path) for method, path in shown)
    }
    assert {name for name in without if not _ONCE.fullmatch(name)} == set()


def _fits(route: Route, method: str, path: str) -> bool:
    pattern = ''.join(
        '[^/]+' if part.startswith('{') else re.escape(part)
        for part in re.split(r'(\{\w+\})', route.path)
    )
    return route.method == method and re.fullmatch(pattern, path) is not None
