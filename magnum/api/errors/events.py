"""Errors of event streams."""

from typing import Final

from magnum.api.errors.kinds import Kind

TOO_MANY_STREAMS: Final = Kind(
    'magnum.event.too_many_streams', 503,
    'The process serves as many event streams as it may at a time, of all or of the project.',
    'Come back after "Retry-After" seconds, or ask for pages of events.',
)
