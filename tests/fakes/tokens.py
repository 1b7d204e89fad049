"""Tokens of Keystone in memory, as ``magnum.clients.tokens.Tokens`` looks them up."""

import dataclasses

from magnum.clients.errors import CloudError
from magnum.clients.tokens import TokenUser


@dataclasses.dataclass
class FakeTokens:
    """The tokens that tests made; ``asked`` has every look-up."""

    users: dict[str, TokenUser] = dataclasses.field(default_factory=dict)
    asked: list[str] = dataclasses.field(default_factory=list)
    fault: CloudError | None = None

    def user_of(self, token: str) -> TokenUser | None:
        self.asked.append(token)
        if self.fault is not None:
            raise self.fault
        return self.users.get(token)
