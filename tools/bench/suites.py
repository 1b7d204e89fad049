"""The measurements.

Contenders take turns within each of them, in changing order, so that a
machine that is busy with other work slows all of them alike. What counts is
CPU time, of the service's own processes: it depends little on other work.
"""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tools.bench import load, processes, settings
from tools.bench.contenders import Contender, Floor, Ours, Seeded
from tools.bench.processes import Service
from tools.common.errors import ToolError

#: Measure -> contender -> what each repetition gave.
Results = dict[str, dict[str, list[float]]]

ROOT: Final = 'GET /, CPU ms'
TEMPLATE_PAGE: Final = 'page of 100 baymodels, CPU ms'
ONE_TEMPLATE: Final = 'one baymodel, CPU ms'
BAY_PAGE: Final = 'page of 100 bays, CPU ms'
ONE_BAY: Final = 'one bay, CPU ms'
NEW_TEMPLATE: Final = 'POST baymodel, CPU ms'
NEW_BAY: Final = 'POST bay, CPU ms'
CERTIFICATE: Final = 'POST certificate, CPU ms'
SIGNING: Final = "POST certificate, the conductor's CPU ms"
MANY_TEMPLATES: Final = 'page of baymodels, 100,000 to 1,000'
MANY_BAYS: Final = 'page of bays, 100,000 to 1,000'
PAGE_P99: Final = 'page of 100 bays, 16 at once, p99 ms'
ONE_P99: Final = 'one bay, 16 at once, p99 ms'
CREATED: Final = 'bays created per minute'
CREATE_CPU: Final = 'CPU ms of the conductor per bay'
IDLE_CALLS: Final = 'idle conductor, Heat calls in 30 s'
IDLE_CPU: Final = 'idle conductor, CPU % of a core'
CONDUCTOR_MEMORY: Final = 'conductor resident, MiB'
API_MEMORY: Final = 'API process resident, MiB'
FIRST_ANSWER: Final = 'start to first answer, s'
START_CPU: Final = 'start to first answer, CPU s'
CLOUD_CALLS: Final = ', cloud calls'

_SLOW: Final = 0.4      # seconds of a request from which on requests are counted, not timed
_FEW: Final = 6         # slow requests per repetition
_SEEDED: Final = 1000
_MANY: Final = 100_000
_AT_ONCE: Final = 16
_PAGE: Final = '?limit=100'
_IDLE_SECONDS: Final = 30
_COMPLETE: Final = 'CREATE_COMPLETE'
_LIMIT: Final = 300.0   # seconds that creates may take


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line sets."""

    repetitions: int
    seconds: int
    posts: int
    bays: int


class Recorder:
    """Collects results and says each as it comes."""

    def __init__(self) -> None:
        self.results: Results = {}

    def add(self, measure: str, contender: Contender, value: float) -> None:
        """One repetition's value."""
        by_contender = self.results.setdefault(measure, {})
        by_contender.setdefault(contender.name, []).append(value)
        print(f'{time.strftime("%H:%M:%S")} {contender.name}: {measure} {value:.2f}', flush=True)


Suite = Callable[[Sequence[Contender], Options, Recorder], None]


def start(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """Time to the first answer; memory after some load."""
    contenders = _services(contenders)
    _reset(contenders)
    for repetition in range(options.repetitions):
        for contender in _turns(contenders, repetition):
            contender.wipe()
            contender.seed(templates=100, bays=100)
            with processes.api(contender) as (service, seconds):
                recorder.add(FIRST_ANSWER, contender, seconds)
                recorder.add(START_CPU, contender, service.cpu_seconds())
                for path in (contender.bays, contender.templates):
                    load.counted(contender, 'GET', path + _PAGE, _FEW)
                recorder.add(API_MEMORY, contender, service.largest_resident_mib())


def read(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """GET of pages and of single ones, 1,000 baymodels and 1,000 bays in the tables."""
    _reset(contenders)
    with _apis(contenders, bays=_SEEDED) as running:
        for measure in (ROOT, TEMPLATE_PAGE, ONE_TEMPLATE, BAY_PAGE, ONE_BAY):
            for repetition in range(options.repetitions):
                for contender in _turns(contenders, repetition):
                    service, seeded = running[contender.name]
                    path = {
                        ROOT: '/',
                        TEMPLATE_PAGE: contender.templates + _PAGE,
                        ONE_TEMPLATE: f'{contender.templates}/{seeded.templates[_SEEDED // 2]}',
                        BAY_PAGE: contender.bays + _PAGE,
                        ONE_BAY: f'{contender.bays}/{seeded.bays[_SEEDED // 2]}',
                    }[measure]
                    is_slow = _warm(contender, path) > _SLOW
                    with _measured(recorder, measure, contender, service) as count:
                        if is_slow:
                            count(load.counted(contender, 'GET', path, _FEW)[0])
                        else:
                            count(load.wrk(contender, path, options.seconds))


def write(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """POST of baymodels and of bays, while no conductor runs."""
    contenders = [one for one in contenders if one.writes]
    _reset(contenders)
    with _apis(contenders, bays=0) as running:
        templates = {
            one.name: '' if isinstance(one, Floor) else _new_template(one) for one in contenders
        }
        for measure in (NEW_TEMPLATE, NEW_BAY):
            for repetition in range(options.repetitions):
                for contender in _turns(contenders, repetition):
                    path, body = contender.templates, contender.template_body()
                    if measure == NEW_BAY:
                        path = contender.bays
                        body = contender.bay_body('accepted', templates[contender.name])
                    service, _ = running[contender.name]
                    load.request(contender, 'POST', path, body)
                    with _measured(recorder, measure, contender, service) as count:
                        count(load.counted(contender, 'POST', path, options.posts, body=body)[0])
                    contender.drop_requests()


def size(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """What a page costs in long tables, as a multiple of what it costs in short ones."""
    pages = {MANY_TEMPLATES: 'templates', MANY_BAYS: 'bays'}
    for contender in _services(contenders):
        if not isinstance(contender, Ours):
            continue
        _reset([contender])
        contender.seed(templates=_SEEDED, bays=_SEEDED)
        costs: dict[tuple[str, int], float] = {}
        with processes.api(contender) as (service, _):
            for rows in (_SEEDED, _MANY):
                if rows == _MANY:
                    contender.seed(_MANY - _SEEDED, _MANY - _SEEDED, batch=8)
                for measure, collection in pages.items():
                    path = getattr(contender, collection) + _PAGE
                    _warm(contender, path)
                    costs[measure, rows] = min(
                        _page_cost(service, contender, path, options.seconds)
                        for _ in range(options.repetitions)
                    )
        for measure in pages:
            recorder.add(measure, contender, costs[measure, _MANY] / costs[measure, _SEEDED])


def crowd(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """How long the unluckiest wait when 16 clients ask at once."""
    contenders = _services(contenders)
    _reset(contenders)
    with _apis(contenders, bays=_SEEDED) as running:
        for repetition in range(options.repetitions):
            for contender in _turns(contenders, repetition):
                bay = running[contender.name][1].bays[_SEEDED // 2]
                for measure, path in (
                    (PAGE_P99, contender.bays + _PAGE), (ONE_P99, f'{contender.bays}/{bay}')
                ):
                    if _warm(contender, path) > _SLOW:
                        run, _ = load.counted(contender, 'GET', path, 2 * _AT_ONCE, _AT_ONCE)
                    else:
                        run = load.wrk(contender, path, options.seconds, _AT_ONCE)
                    recorder.add(measure, contender, run.p99_ms)


def certificate(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """POST of certificates for one bay, while its conductor runs."""
    csr = signing_request()
    for contender in contenders:
        if not contender.writes:
            continue
        _reset([contender])
        with contextlib.ExitStack() as stack:
            service, _ = stack.enter_context(processes.api(contender))
            signers = {CERTIFICATE: service}
            bay = ''
            if not isinstance(contender, Floor):
                signers[SIGNING] = stack.enter_context(processes.conductor(contender))
                _create(contender, _new_template(contender), 1)
                (bay,) = contender.statuses()
            body = contender.certificate_body(bay, csr)
            load.request(contender, 'POST', '/v1/certificates', body)
            for _ in range(options.repetitions):
                before = {measure: one.cpu_seconds() for measure, one in signers.items()}
                run, responses = load.counted(
                    contender, 'POST', '/v1/certificates', options.posts, body=body
                )
                if run.failed:
                    raise ToolError(f'{contender.name}: {CERTIFICATE}: {responses[0]}')
                for measure, one in signers.items():
                    used = one.cpu_seconds() - before[measure]
                    recorder.add(measure, contender, 1e3 * used / run.requests)


def create(contenders: Sequence[Contender], options: Options, recorder: Recorder) -> None:
    """Bays asked for at once, until one conductor process has them all complete."""
    contenders = [one for one in _services(contenders) if one.writes]
    for repetition in range(options.repetitions):
        for contender in _turns(contenders, repetition):
            _reset([contender])
            with processes.api(contender), processes.conductor(contender) as service:
                template = _new_template(contender)
                # What is made once per process is not what is measured.
                _create(contender, template, 1)
                cpu_before = service.cpu_seconds()
                seconds = _create(contender, template, options.bays)
                cpu = service.cpu_seconds() - cpu_before
            recorder.add(CREATED, contender, 60 * options.bays / seconds)
            recorder.add(CREATE_CPU, contender, 1e3 * cpu / options.bays)


def idle(contenders: Sequence[Contender], _options: Options, recorder: Recorder) -> None:
    """What a conductor does while 1,000 bays need nothing."""
    for contender in [one for one in _services(contenders) if one.writes]:
        _reset([contender])
        seeded = contender.seed(templates=1, bays=_SEEDED)
        load.control('stacks', [
            {'id': stack, 'name': f'stack-{stack}', 'project': settings.PROJECT,
             'status': _COMPLETE, 'parameters': {}}
            for stack in seeded.stacks
        ])
        with processes.conductor(contender) as service:
            load.control('statistics/reset', {})
            cpu_before = service.cpu_seconds()
            time.sleep(_IDLE_SECONDS)
            cpu = service.cpu_seconds() - cpu_before
            heat_calls = load.control('statistics')['totals'].get('orchestration', 0)
            recorder.add(IDLE_CALLS, contender, heat_calls)
            recorder.add(IDLE_CPU, contender, 100 * cpu / _IDLE_SECONDS)
            recorder.add(CONDUCTOR_MEMORY, contender, service.largest_resident_mib())


ALL: dict[str, Suite] = {
    suite.__name__: suite
    for suite in (start, read, write, certificate, size, crowd, create, idle)
}


def _services(contenders: Sequence[Contender]) -> list[Contender]:
    """Those that do anything."""
    return [one for one in contenders if not isinstance(one, Floor)]


def _reset(contenders: Sequence[Contender]) -> None:
    load.control('reset', {})
    for contender in contenders:
        contender.drop_requests()
        contender.wipe()


def _turns(contenders: Sequence[Contender], repetition: int) -> Sequence[Contender]:
    return contenders if repetition % 2 == 0 else contenders[::-1]


@contextlib.contextmanager
def _apis(
    contenders: Sequence[Contender], bays: int
) -> Iterator[dict[str, tuple[Service, Seeded]]]:
    """The APIs of all, and what was put into their tables."""
    with contextlib.ExitStack() as stack:
        running = {}
        for contender in contenders:
            seeded = contender.seed(templates=_SEEDED, bays=bays)
            service, _ = stack.enter_context(processes.api(contender))
            running[contender.name] = (service, seeded)
        yield running


@contextlib.contextmanager
def _measured(
    recorder: Recorder, measure: str, contender: Contender, service: Service
) -> Iterator[Callable[[load.Run], None]]:
    """Record CPU time and cloud calls per request of the run that is handed in."""
    runs: list[load.Run] = []
    calls_before = _cloud_calls()
    cpu_before = service.cpu_seconds()
    yield runs.append
    cpu = service.cpu_seconds() - cpu_before
    calls = _cloud_calls() - calls_before
    (run,) = runs
    if run.failed:
        raise ToolError(f'{contender.name}: {measure}: {run.failed} requests failed')
    recorder.add(measure, contender, 1e3 * cpu / run.requests)
    recorder.add(measure.partition(',')[0] + CLOUD_CALLS, contender, calls / run.requests)


def _warm(contender: Contender, path: str) -> float:
    """Ask once for what is to be measured; after how many seconds the answer came."""
    load.request(contender, 'GET', path)
    first = load.request(contender, 'GET', path)
    if first.status != 200:
        raise ToolError(f'{contender.name}: GET {path}: {first}')
    return first.seconds


def _page_cost(service: Service, contender: Contender, path: str, seconds: int) -> float:
    """CPU ms of one GET."""
    before = service.cpu_seconds()
    run = load.wrk(contender, path, seconds)
    return 1e3 * (service.cpu_seconds() - before) / run.requests


def signing_request() -> str:
    """A client's, as the command line makes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, 'admin'),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'system:masters'),
    ])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def _cloud_calls() -> int:
    return sum(load.control('statistics')['totals'].values())


def _new_template(contender: Contender) -> str:
    response = load.request(contender, 'POST', contender.templates, contender.template_body())
    if response.status != 201:
        raise ToolError(f'{contender.name}: POST {contender.templates}: {response}')
    uuid: str = response.document['uuid']
    return uuid


def _create(contender: Contender, template: str, count: int) -> float:
    """Ask for bays; seconds until all of them are complete."""
    began = time.monotonic()
    body = contender.bay_body('built', template)
    run, responses = load.counted(contender, 'POST', contender.bays, count, 8, body)
    if run.failed:
        raise ToolError(f'{contender.name}: {run.failed} of {count} POSTs failed')
    asked_for = {response.document['uuid'] for response in responses}
    while time.monotonic() - began < _LIMIT:
        statuses = contender.statuses()
        if all(statuses.get(bay) == _COMPLETE for bay in asked_for):
            return time.monotonic() - began
        time.sleep(0.2)
    raise ToolError(f'{contender.name}: not complete after {_LIMIT} s: '
                       f'{set(contender.statuses().values())}')


def medians(results: Results) -> dict[str, dict[str, Any]]:
    """The middle value of each measure and contender."""
    return {
        measure: {name: statistics.median(values) for name, values in by_contender.items()}
        for measure, by_contender in results.items()
    }
