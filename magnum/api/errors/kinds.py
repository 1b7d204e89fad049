"""A kind of error: its code, its status and its documentation."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of error: its stable code and its HTTP status.

    ``cause`` and ``remedy`` are the documentation: what happened, and what the
    client may do about it. Double quotes in them are names and values.
    """

    code: str
    status: int
    cause: str = ''
    remedy: str = ''
