"""A running service for all attacks of a file; others by ``start_service``."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.attacks.running import RunningService


@pytest.fixture(scope='module')
def start_service(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningService]]:
    """Starts a service with options of one's own, ``<section>__<option>=value``."""
    started: list[RunningService] = []

    def start(**options: Any) -> RunningService:
        directory: pathlib.Path = tmp_path_factory.mktemp('attacked')
        service = RunningService(directory, **options)
        started.append(service)
        service.start()
        return service

    yield start
    for service in started:
        service.stop()


@pytest.fixture(scope='module')
def service(start_service: Callable[..., RunningService]) -> RunningService:
    """The service as it is by default, shared by the tests of a file."""
    return start_service()
