"""Whether nodes ask for their certificates by TLS, told at start."""

import logging
from typing import Any

import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from magnum.clients.errors import CloudUnavailable
from magnum.cmd.status import Checks, Code
from magnum.conductor.service import Conductor
from magnum.operations import bootstrap_endpoint


class _Catalogue:
    def __init__(self, url: str | None = None, error: Exception | None = None):
        self._url, self._error = url, error

    def endpoint(self, service_type: str) -> str | None:
        assert service_type == 'container-infra'
        if self._error is not None:
            raise self._error
        return self._url


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    return conf


CASES = {
    'configured http': ('http://magnum/v1/bootstrap', None, True),
    'configured https': ('https://magnum/v1/bootstrap', 'http://magnum/v1', False),
    'catalogue http': (None, 'http://magnum/v1/', True),
    'catalogue https': (None, 'https://magnum/v1', False),
    'catalogue empty': (None, None, False),
}


@pytest.mark.parametrize('case', CASES)
def test_warning(conf: cfg.ConfigOpts, case: str) -> None:
    configured, listed, expected = CASES[case]
    conf.set_override('endpoint', configured, 'bootstrap')
    catalogue: Any = _Catalogue(listed)
    told = bootstrap_endpoint.warning(conf, catalogue)
    assert (told is not None) == expected
    if told is not None:
        assert 'http://magnum/v1/bootstrap' in told


def test_a_cloud_that_does_not_answer_is_no_reason_not_to_start(conf: cfg.ConfigOpts) -> None:
    catalogue: Any = _Catalogue(error=CloudUnavailable('identity', 'down'))
    assert bootstrap_endpoint.warning(conf, catalogue) is None


def test_the_conductor_says_so(conf: cfg.ConfigOpts, caplog: pytest.LogCaptureFixture) -> None:
    conf.set_override('endpoint', 'http://magnum/v1/bootstrap', 'bootstrap')
    conductor = Conductor.__new__(Conductor)
    conductor._conf = conf
    conductor._sessions = None  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING):
        conductor._warn_of_endpoint()
    assert 'without TLS' in caplog.text


def test_the_upgrade_check_says_so(conf: cfg.ConfigOpts) -> None:
    conf.set_override('endpoint', 'http://magnum/v1/bootstrap', 'bootstrap')
    assert Checks(conf)._check_bootstrap_endpoint().code == Code.WARNING
    conf.set_override('endpoint', 'https://magnum/v1/bootstrap', 'bootstrap')
    assert Checks(conf)._check_bootstrap_endpoint().code == Code.SUCCESS
