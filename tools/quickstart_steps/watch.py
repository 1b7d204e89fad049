"""Showing the bays while they build."""

import time
from collections.abc import Callable

from tools.common.command import say
from tools.common.errors import ToolError
from tools.quickstart_steps import bays
from tools.quickstart_steps.bays import Bay
from tools.quickstart_steps.heat import Stacks
from tools.quickstart_steps.layout import USER
from tools.quickstart_steps.progress import Board

_INTERVAL = 4.0  # seconds between two looks
# In seconds: for a Magnum that does not give up by itself,
_PATIENCE = (bays.BUILD_MINUTES + 5) * 60
# and for work that is at its end in most cases.
_PATIENCE_AT_STOP = 5 * 60


def until_built(require_alive: Callable[[], None], patience: float = _PATIENCE) -> None:
    """Show the bays until none is building any more.

    :param require_alive: raises an error when Magnum cannot go on.
    :param patience: seconds after which that is an error.
    """
    stacks = Stacks(USER)
    board = Board()
    began = time.monotonic()
    was_building = False  # those that were there already have been told of
    while True:
        found = bays.listed()
        elapsed = time.monotonic() - began
        building = [bay.name for bay in found if bay.is_building]
        if building or was_building:
            board.show({bay.name: _progress(bay, stacks) for bay in found}, elapsed)
        if not building:
            return
        was_building = True
        if elapsed > patience:
            raise ToolError(
                f'still building after {elapsed / 60:.0f} minutes: {", ".join(building)}'
            )
        require_alive()
        time.sleep(_INTERVAL)


def before_stop() -> None:
    """Wait for bays that are being built or deleted.

    A Heat that is stopped meanwhile does not go on with their stacks when it
    is started again; they would hang until they time out.
    """
    try:
        if any(bay.is_building for bay in bays.listed()):
            say('waiting for what bays are at, as Heat could not resume it; ^C: do not wait')
            until_built(lambda: None, _PATIENCE_AT_STOP)
    except (ToolError, KeyboardInterrupt) as error:
        say(f'not waiting: {str(error) or "interrupted"}')


def _progress(bay: Bay, stacks: Stacks) -> str:
    counts = stacks.resources(bay.stack_id) if bay.is_building and bay.stack_id else None
    return bay.status + (', {} of {} resources'.format(*counts) if counts else '')
