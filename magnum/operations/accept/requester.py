"""Who asks for an operation."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Requester:
    """Who asked for an operation."""

    user_id: str | None
    project_id: str | None
    roles: tuple[str, ...]
    request_id: str | None
