"""Following the events of a bay: server-sent events, resumed until the bay is gone."""

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator
from typing import Final

import requests

from osc_magnum.errors import ServiceError, Unreachable, pause
from osc_magnum.service import BAYS, Document, Service, one

_STREAM: Final = 'text/event-stream'
#: Seconds: until connected, and without a word; the service sends a heartbeat every five.
_TIMEOUT: Final = (10, 60)
_RETRY: Final = 2.0


@dataclasses.dataclass(frozen=True)
class Message:
    """One server-sent event."""

    id: str
    data: str


def parse(lines: Iterable[str]) -> Iterator[Message]:
    """The messages of a stream; comments and events without data are none."""
    position = ''
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Message(position, '\n'.join(data))
            data = []
            continue
        field, _, value = line.partition(':')
        value = value.removeprefix(' ')
        if field == 'id':
            position = value
        elif field == 'data':
            data.append(value)


def follow(service: Service, bay: str, after: str | None) -> Iterator[Document]:
    """Events as they happen, until the bay is gone.

    A bay that is gone is found by its uuid only, so that is what is asked for again.

    :param after: the cursor of the last event that is known.
    :raises ServiceError: the service refuses; one that is busy is asked again.
    """
    path = one(BAYS, service.bay_uuid(bay), 'events')
    position = after or ''
    while True:
        try:
            answer = service.ask(
                'GET',
                path,
                headers={'Accept': _STREAM, 'Last-Event-ID': position},
                stream=True,
                timeout=_TIMEOUT,
            )
            if answer.status_code == 204:
                return
            for message in parse(_lines(answer)):
                position = message.id
                yield json.loads(message.data)
            seconds = _RETRY
        except requests.RequestException:
            seconds = _RETRY
        except (ServiceError, Unreachable) as error:
            seconds = pause(error, _RETRY)
        time.sleep(seconds)


def _lines(answer: requests.Response) -> Iterator[str]:
    # By the byte: what has come is shown at once, however short it is.
    for line in answer.iter_lines(chunk_size=1):
        yield line.decode()
