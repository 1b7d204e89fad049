"""Requests: one by one, many over some threads, and by wrk."""

import concurrent.futures
import dataclasses
import http.client
import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from tools.bench import settings
from tools.bench.contenders import Contender

_WRK_SCRIPT = pathlib.Path(__file__).with_name('wrk.lua')


@dataclasses.dataclass(frozen=True)
class Response:
    """What one request gave, and after how many seconds."""

    status: int
    document: Any
    seconds: float


@dataclasses.dataclass(frozen=True)
class Run:
    """Many requests: how many were answered well, in how many seconds."""

    requests: int
    failed: int
    seconds: float
    median_ms: float
    p99_ms: float


def request(
    contender: Contender, method: str, path: str, body: Any = None, timeout: float = 300
) -> Response:
    """One request to a contender's API."""
    return _request(contender.port, method, path, contender.headers, body, timeout)


def control(action: str, body: Any = None) -> Any:
    """One request to the fake cloud's control interface; a body makes it a POST."""
    method = 'GET' if body is None else 'POST'
    return _request(settings.CLOUD_PORT, method, f'/control/{action}', {}, body, 30).document


def _request(
    port: int, method: str, path: str, headers: Mapping[str, str], body: Any, timeout: float
) -> Response:
    began = time.monotonic()
    connection = http.client.HTTPConnection(settings.HOST, port, timeout=timeout)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(
            method, path, content, {'Content-Type': 'application/json', **headers}
        )
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return Response(
        response.status, json.loads(text) if text else None, time.monotonic() - began
    )


def counted(
    contender: Contender, method: str, path: str, count: int, threads: int = 1, body: Any = None
) -> tuple[Run, list[Response]]:
    """Exactly so many requests; for those that are slow or have a body."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        responses = list(
            pool.map(lambda _: request(contender, method, path, body), range(count))
        )
    seconds = time.monotonic() - began
    well = [response for response in responses if response.status < 300]
    times = sorted(1e3 * response.seconds for response in responses)
    # The nearest rank: of a hundred or fewer, the slowest.
    p99 = times[math.ceil(0.99 * count) - 1]
    return Run(len(well), count - len(well), seconds, statistics.median(times), p99), responses


def wrk(contender: Contender, path: str, seconds: int, connections: int = 1) -> Run:
    """As many GET requests as fit in so many seconds."""
    with tempfile.NamedTemporaryFile('w') as headers:
        headers.writelines(f'{name}: {value}\n' for name, value in contender.headers.items())
        headers.flush()
        done = subprocess.run(
            ['wrk', '--threads', '1', '--connections', str(connections), '--duration',
             f'{seconds}s', '--timeout', '60s', '--script', _WRK_SCRIPT,
             f'http://{settings.HOST}:{contender.port}{path}'],
            env={**os.environ, 'WRK_HEADERS': headers.name}, capture_output=True, text=True,
            check=True,
        )
    result = json.loads(done.stdout.rpartition('RESULT ')[2])
    return Run(
        result['requests'], result['failed'], result['microseconds'] / 1e6,
        result['median'] / 1e3, result['p99'] / 1e3,
    )
