"""The wait for Heat to take a new bay's stack, which clients of old expect."""

import time
from typing import Final

from magnum.api.http.held_threads import SYNCHRONOUS_CREATE
from magnum.api.services import Services
from magnum.db.engine import Database
from magnum.db.repositories import bays
from magnum.domain import states

_INTERVAL: Final = 0.25  # seconds


def await_stack(services: Services, bay_uuid: str, project_id: str | None) -> None:
    """Wait until Heat took the stack, or something ended the operation.

    Not at all while as many requests wait as may.
    """
    seconds: float = services.conf.api.synchronous_create_wait
    held = services.held.hold(SYNCHRONOUS_CREATE, project_id, seconds)
    if held is None:
        return
    try:
        _watch(services.database, bay_uuid, seconds)
    finally:
        services.held.release(held)


def _watch(database: Database, bay_uuid: str, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    in_progress = states.status(states.CREATE, states.IN_PROGRESS)
    while time.monotonic() < give_up:
        with database.reading() as session:
            progress = bays.build_progress(session, bay_uuid)
        if progress is None or progress[0] is not None or progress[1] != in_progress:
            return
        time.sleep(_INTERVAL)
