"""Failure codes of operations, and their classification.

A failure names the deepest, earliest failed resource, keeps its raw reason,
and says whose problem it is and whether trying again may help.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, Self

from magnum.domain.plain_text import one_line

USER: Final = 'user'
OPERATOR: Final = 'operator'
SERVICE: Final = 'service'

#: A node says that it failed; a node is not ready in its time.
NODE_FAILED: Final = 'node_failed'
NODE_SILENT: Final = 'node_silent'
#: Two keys were shown for one node.
NODE_IDENTITY_CONFLICT: Final = 'node_identity_conflict'


@dataclasses.dataclass(frozen=True)
class FailureCode:
    """One entry of the closed list. ``pattern`` recognises raw reasons."""

    code: str
    owner: str
    retryable: bool
    pattern: str = ''


#: Order matters: the first pattern that fits a reason names it. Codes are
#: never changed and never used again for something else.
CODES: Final = (
    FailureCode(NODE_FAILED, SERVICE, True, r'WaitConditionFailure'),
    FailureCode(NODE_SILENT, OPERATOR, True, r'WaitConditionTimeout'),
    FailureCode(
        'resource_in_use', USER, True,
        r'(?i)\bin use\b|still has ports|have an IP allocation from this subnet'
        r'|required by one or more|dependent snapshots',
    ),
    FailureCode('quota_exceeded', USER, False, r'(?i)quota|OverLimit|maximum number of'),
    FailureCode('no_valid_host', OPERATOR, True, r'(?i)no valid host|NoValidHost'),
    FailureCode(
        'address_exhausted', OPERATOR, True, r'(?i)no more IP addresses|IpAddressGeneration'
    ),
    FailureCode('not_found', USER, False, r'(?i)could not be found|NotFound|not found'),
    FailureCode('forbidden', OPERATOR, False, r'(?i)forbidden|unauthorized|not authorized|policy'),
    FailureCode('timed_out', OPERATOR, True, r'(?i)timed? ?out'),
    FailureCode('resource_failed', OPERATOR, True, r'(?i)ResourceInError|went to status ERROR'),
    FailureCode('deadline_exceeded', OPERATOR, True),
    FailureCode('cloud_unavailable', OPERATOR, True),
    FailureCode('cloud_refused', USER, False),
    FailureCode('stack_missing', OPERATOR, False),
    FailureCode('stack_foreign', OPERATOR, False),
    FailureCode('stack_failed', OPERATOR, True),
    FailureCode('count_mismatch', SERVICE, True),
    FailureCode('nodes_behind', USER, True),
    FailureCode(NODE_IDENTITY_CONFLICT, OPERATOR, False),
    FailureCode('authority_missing', USER, False),
    FailureCode('plan_refused', USER, False),
    FailureCode('node_unknown', USER, False),
    FailureCode('identity_missing', OPERATOR, False),
    FailureCode('seal_broken', OPERATOR, True),
    FailureCode('cancelled', USER, True),
    FailureCode('internal', SERVICE, True),
)

_BY_CODE: Final = {entry.code: entry for entry in CODES}


@dataclasses.dataclass(frozen=True)
class Failure:
    """A failure of an operation: code, owner, retry and reason."""

    code: str
    reason: str
    resource: str | None = None
    resource_type: str | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The failure of a document of ``as_dict``."""
        return cls(*(document[field.name] for field in dataclasses.fields(cls)))

    def __post_init__(self) -> None:
        """Keep the reason, which nodes and users have words in, to one line."""
        object.__setattr__(self, 'reason', one_line(self.reason))

    def as_dict(self) -> dict[str, Any]:
        """The document kept with the operation."""
        entry = _BY_CODE[self.code]
        return {
            **dataclasses.asdict(self),
            'owner': entry.owner,
            'retryable': entry.retryable,
        }

    def sentence(self) -> str:
        """The bay's ``status_reason``."""
        where = f'{self.resource_type} {self.resource}: ' if self.resource else ''
        return f'{where}{self.reason}'


class Resource(Protocol):
    """A resource of a stack, or of one nested in it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def stack_id(self) -> str | None: ...  # noqa: D102
    @property
    def physical_id(self) -> str | None: ...  # noqa: D102
    @property
    def updated_time(self) -> str | None: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102


def classify(reason: str) -> str:
    """The code of a raw reason of Heat's."""
    for entry in CODES:
        if entry.pattern and re.search(entry.pattern, reason):
            return entry.code
    return 'stack_failed'


def is_echo(resources: Iterable[Resource], stack_reason: str) -> bool:
    """Whether a change failed only because an earlier one was cancelled."""
    reasons = [stack_reason, *(resource.reason for resource in resources)]
    return any(re.search(r'Stack \w+ cancelled', reason) for reason in reasons)


def root_cause(resources: Iterable[Resource], stack_reason: str) -> Failure:
    """The root cause of a failed stack: its deepest, earliest failed resource.

    A resource that holds a stack with failed resources of its own only
    repeats them. One that was cancelled because another failed says nothing.
    """
    failed = list(resources)
    stacks_with_failures = {resource.stack_id for resource in failed}
    leaves = [
        resource
        for resource in failed
        if resource.physical_id not in stacks_with_failures or not resource.physical_id
    ]
    telling = [leaf for leaf in leaves if leaf.reason and 'aborted' not in leaf.reason] or leaves
    if not telling:
        return Failure(classify(stack_reason), stack_reason or 'The stack failed.')
    first = min(telling, key=lambda leaf: (leaf.updated_time or '', leaf.name))
    reason = first.reason or stack_reason
    return Failure(classify(reason), reason, first.name, first.type)
