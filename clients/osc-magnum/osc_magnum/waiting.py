"""Waiting for the end of an operation."""

import sys
import time
from typing import Any, Final

from osc_lib import exceptions

from osc_magnum import progress
from osc_magnum.errors import OperationFailed, ServiceError, Unreachable, pause
from osc_magnum.service import OPERATIONS, Document, Service

SUCCEEDED: Final = 'SUCCEEDED'
ENDED: Final = frozenset({SUCCEEDED, 'FAILED', 'CANCELLED'})
#: Seconds between two looks.
INTERVAL: Final = 2.0
#: Seconds for which a service may be away before waiting for it is given up.
PATIENCE: Final = 300.0
#: As shells have it of a program that was interrupted.
INTERRUPTED: Final = 130
_EARLIER: Final = 10  # operations that an estimate is made of


def until_ended(service: Service, uuid: str) -> Document:
    """The operation that succeeded; its progress is shown on a terminal meanwhile.

    :raises OperationFailed: it failed, or was cancelled.
    :raises SystemExit: the user does not want to wait any more.
    """
    bar = progress.Bar(sys.stderr)
    try:
        operation = _watch(service, uuid, bar)
    except KeyboardInterrupt:
        bar.clear()
        print(
            'No longer waiting; the operation goes on.\n'
            f'Look at it:  openstack bay operation show {uuid}\n'
            f'Wait again:  openstack bay operation wait {uuid}\n'
            f'Stop it:     openstack bay operation cancel {uuid}',
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None
    if operation['state'] != SUCCEEDED:
        raise OperationFailed(operation)
    return operation


def _watch(service: Service, uuid: str, bar: progress.Bar) -> Document:
    nodes = progress.Nodes(service) if bar.is_shown else None
    usual: float | None = None
    is_first = True
    while True:
        operation = _patiently(service, uuid, bar)
        if operation['state'] in ENDED:
            bar.clear()
            return operation
        if bar.is_shown:
            if is_first:
                usual = _usual_seconds(service, operation)
            bar.show(operation, nodes.text(operation) if nodes else '', usual)
        is_first = False
        time.sleep(INTERVAL)


def _patiently(service: Service, uuid: str, bar: progress.Bar) -> Document:
    """The operation, once the service answers.

    :raises CommandError: it has not for too long.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return service.operation(uuid)
        except (Unreachable, ServiceError) as error:
            seconds = pause(error, INTERVAL)
            if time.monotonic() > end:
                bar.clear()
                raise exceptions.CommandError(
                    f'The service has not answered for {PATIENCE / 60:.0f} minutes: {error}\n'
                    f'The operation may go on: openstack bay operation wait {uuid}'
                ) from error
            bar.say('the service does not answer; looking again')
            time.sleep(seconds)


def _usual_seconds(service: Service, operation: Document) -> float | None:
    """How long such operations took in this project; None when there was none."""
    query: dict[str, Any] = {
        'verb': operation['verb'],
        'state': SUCCEEDED,
        'sort_key': 'created_at',
        'sort_dir': 'desc',
    }
    earlier = service.listed(OPERATIONS, 'operations', query, limit=_EARLIER)
    try:
        return progress.usual_seconds(list(earlier))
    except (Unreachable, ServiceError):
        return None
