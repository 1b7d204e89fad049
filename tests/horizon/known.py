"""Faults of the tour that are expected: each with the test, and the reason."""

import dataclasses
import re
from typing import Final

from tests.horizon.browser import Fault


@dataclasses.dataclass(frozen=True)
class Known:
    """One kind of fault that is expected.

    :ivar test: the name of the test; empty: any.
    :ivar kind: as of a :class:`Fault`; ``service`` is an answer to the panels.
    :ivar pattern: what its text matches, anywhere.
    """

    test: str
    kind: str
    pattern: str
    reason: str

    def is_meant_by(self, test: str, fault: Fault) -> bool:
        """Whether this is the fault."""
        return (
            self.test in ('', test) and self.kind == fault.kind
            and bool(re.search(self.pattern, fault.text))
        )


KNOWN: Final = (
    Known('', 'console', 'Possibly unhandled rejection',
          'The panels leave a promise that has failed, or a form that was closed, unhandled'),
    *(
        Known('test_rotate_certificate', kind, pattern,
              'python-magnumclient 4.11 takes the stream of an answer for its document')
        for kind, pattern in (
            ('answer', '^DELETE /api/container_infra/certificates/[-0-9a-f]+ 500$'),
            ('console', '/api/container_infra/certificates/.*status of 500'),
        )
    ),
)


def unknown(test: str, faults: list[Fault]) -> list[Fault]:
    """The faults that nobody expects."""
    return [
        fault for fault in faults if not any(known.is_meant_by(test, fault) for known in KNOWN)
    ]
