"""Steps of operations."""

from collections.abc import Mapping
from typing import Any


def first_in(operation: Mapping[str, Any], *states: str) -> str | None:
    """The name of an operation's first step in the first of these states that one is in."""
    return next(
        (
            str(step['name'])
            for state in states
            for step in operation['steps']
            if step['state'] == state
        ),
        None,
    )
