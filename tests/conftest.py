"""For all tests."""

import pathlib

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
