"""For all tests."""

import itertools
import os
import pathlib
from collections.abc import Iterator

import hypothesis
import pytest

import magnum.native_threads  # noqa: F401 - before any other import

#: Tests that may be skipped, one "<node id>  # <reason>" a line.
_ALLOWED_SKIPS = pathlib.Path(__file__).with_name('allowed-skips.txt')

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    'any machine', deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile('any machine')

#: Of what a failed test says, the end that the list of failures repeats, in characters.
_REPEATED = 2500
#: The same of its line at the very end.
_LINE = 160


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--cases``."""
    parser.addoption(
        '--cases', choices=('all', 'ends', 'slow-ends'), default='all',
        help='of a test with several cases, run all or only the first and the last, '
             'or these only of tests marked slow',
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)   # before pytest-randomly, also a wrapper
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """With ``--cases``, leave out what is between the first case and the last."""
    chosen = config.getoption('cases')
    if chosen != 'all':
        left_out: set[pytest.Item] = set()
        for _, cases in itertools.groupby(items, lambda one: one.nodeid.partition('[')[0]):
            left_out.update(
                one for one in list(cases)[1:-1]
                if chosen == 'ends' or one.get_closest_marker('slow') is not None
            )
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [one for one in items if one not in left_out]
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Append failed tests to the file MAGNUM_TEST_FAILURES, which tools/test prints last."""
    path = os.environ.get('MAGNUM_TEST_FAILURES')
    if not path or 'PYTEST_XDIST_WORKER' in os.environ:
        return
    database = os.environ.get('MAGNUM_TEST_DATABASE', '').partition(':')[0]
    with open(path, 'a') as failures:
        for outcome in ('failed', 'error'):
            for report in terminalreporter.stats.get(outcome, ()):
                said = getattr(report, 'longreprtext', '')[-_REPEATED:]
                crash = getattr(report.longrepr, 'reprcrash', None)
                why = crash.message.partition('\n')[0][:_LINE] if crash else ''
                print(
                    f'{said}\n{outcome}: {report.nodeid} {database}: {why}\n', file=failures
                )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test fails the run unless it is listed with its reason."""
    reporter = session.config.pluginmanager.get_plugin('terminalreporter')
    if reporter is None:
        return
    allowed = {line.split('#')[0].strip() for line in _ALLOWED_SKIPS.read_text().splitlines()}
    unexpected = [
        report.nodeid for report in reporter.stats.get('skipped', ())
        if report.nodeid not in allowed
    ]
    if unexpected:
        reporter.write_line(f'skipped, but not in {_ALLOWED_SKIPS.name}: {unexpected}', red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
