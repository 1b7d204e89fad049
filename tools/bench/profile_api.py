"""Where the time of one request goes, in this process and without a web server.

Prints per request: CPU ms, SQL statements, calls to the cloud, own time by
package, and the functions that take most time. To be run in the contender's
own environment while the fake cloud runs::

    $MAGNUM_BENCH_DIR/ours/bin/python -m tools.bench.profile_api '/v1/clusters?limit=100'
"""

import argparse
import collections
import cProfile
import io
import json
import os
import pstats
import re
import sys
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any

import requests
import sqlalchemy

from tools.bench import contenders, settings

_WARM_UP = 3


class Counts:
    """SQL statements and HTTP calls, counted where the libraries make them."""

    def __init__(self) -> None:
        self.seen: collections.Counter[str] = collections.Counter()
        sqlalchemy.event.listen(
            sqlalchemy.engine.Engine, 'before_cursor_execute', self._statement
        )
        send = requests.Session.send

        def counted(session: requests.Session, prepared: Any, **options: Any) -> Any:
            path = urllib.parse.urlsplit(prepared.url).path
            self.seen[f'HTTP {prepared.method} {path}'] += 1
            return send(session, prepared, **options)

        requests.Session.send = counted  # type: ignore[method-assign, assignment]

    def _statement(
        self, _connection: Any, _cursor: Any, statement: str, *_: Any
    ) -> None:
        table = re.search(r'(?:FROM|INTO|UPDATE) `?(\w+)', statement)
        self.seen[f'SQL {statement.split()[0]} {table[1] if table else ""}'] += 1


def ask(
    application: Any, method: str, path: str, body: str = '', token: str = settings.TOKEN
) -> tuple[str, bytes]:
    """One request in this process: its status line and its body."""
    url = urllib.parse.urlsplit(path)
    content = body.encode()
    environ = {
        'REQUEST_METHOD': method, 'PATH_INFO': url.path, 'QUERY_STRING': url.query,
        'SERVER_NAME': settings.HOST, 'SERVER_PORT': str(settings.OUR_PORT),
        'SERVER_PROTOCOL': 'HTTP/1.1', 'SCRIPT_NAME': '', 'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(content), 'wsgi.errors': sys.stderr,
        'wsgi.multithread': False, 'wsgi.multiprocess': False, 'wsgi.run_once': False,
        'CONTENT_LENGTH': str(len(content)), 'CONTENT_TYPE': 'application/json',
        'HTTP_HOST': f'{settings.HOST}:{settings.OUR_PORT}', 'HTTP_ACCEPT': 'application/json',
        'HTTP_X_AUTH_TOKEN': token,
        'HTTP_OPENSTACK_API_VERSION': 'container-infra latest',
    }
    statuses: list[str] = []
    content = b''.join(
        application(environ, lambda status, _headers, _error=None: statuses.append(status))
    )
    return statuses[0], content


def _package(file_name: str) -> str:
    """What a function is booked on: two levels of ours, one of others."""
    inner = re.sub(r'^.*/(site-packages|python3\.\d+)/', '', file_name)
    parts = inner.removesuffix('.py').split('/')
    return '.'.join(parts[: 2 if parts[0] == 'magnum' else 1])


def _own_time(stats: Any) -> collections.Counter[str]:
    """Own time by package; built-in functions count for whoever calls them."""
    own: collections.Counter[str] = collections.Counter()
    for (file_name, _, _), (_, _, own_time, _, callers) in stats.items():
        if file_name == '~':
            for (caller, _, _), values in callers.items():
                own[_package(caller)] += values[2]
        else:
            own[_package(file_name)] += own_time
    return own


def _print_profile(profile: cProfile.Profile, count: int, lines: int) -> None:
    stats = pstats.Stats(profile)
    print('  own time by package, ms with the profiler on:')
    for package, seconds in _own_time(stats.stats).most_common(lines):  # type: ignore[attr-defined]
        print(f'    {package:40} {1e3 * seconds / count:8.3f}')
    print('  by cumulative time, ms with the profiler on:')
    functions: Iterable[Any] = sorted(
        stats.stats.items(), key=lambda item: -item[1][3]  # type: ignore[attr-defined]
    )
    for (file_name, line, name), (_, calls, _, cumulated, _) in list(functions)[: 3 * lines]:
        where = re.sub(r'^.*/(site-packages|python3\.\d+)/', '', file_name)
        print(f'    {1e3 * cumulated / count:8.3f} {calls / count:8.1f} calls  '
              f'{where}:{line} {name}')


def main() -> None:
    """Profile requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('paths', nargs='+', metavar='PATH')
    parser.add_argument('--method', default='GET')
    parser.add_argument('--body', default='')
    parser.add_argument('--count', type=int, default=50, help='requests to average over')
    parser.add_argument('--lines', type=int, default=15)
    arguments = parser.parse_args()

    os.environ |= contenders.Ours().process_environment()
    from magnum.wsgi.api import application

    counts = Counts()
    for path in arguments.paths:
        def call(path: str = path) -> tuple[str, bytes]:
            return ask(application, arguments.method, path, arguments.body)

        for _ in range(_WARM_UP):
            status, content = call()
            if not status.startswith('2'):
                sys.exit(f'{path}: {status} {content.decode()}')
        counts.seen.clear()
        began = time.process_time()
        for _ in range(arguments.count):
            call()
        used = time.process_time() - began
        per_request = {name: n / arguments.count for name, n in counts.seen.most_common()}
        print(f'{arguments.method} {path}: {1e3 * used / arguments.count:.2f} ms of CPU')
        print('  ' + json.dumps(per_request))
        profile = cProfile.Profile()
        with profile:
            for _ in range(arguments.count):
                call()
        _print_profile(profile, arguments.count, arguments.lines)


if __name__ == '__main__':
    main()
