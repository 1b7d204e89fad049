"""Parameters of operations: what was asked for, and what has come of it so far.

Each verb has a class of its own. The column ``parameters`` of an operation has
them as a JSON object, whose members are named as the fields are; this module
alone reads and writes that. Conductors and APIs of several releases share the
rows: what a row lacks is read as the field says, and what only another release
knows is kept as it is.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NewType, Protocol, Self, cast

from magnum.domain import states

#: The value of the column. Only this module looks into it.
Stored = NewType('Stored', object)

_LACKING: Final = 'lacking'
_ELEMENT: Final = 'element'


class Described(Protocol):
    """An operation, a claim of one, or a row with these two columns."""

    @property
    def verb(self) -> str:
        """What the operation does."""

    @property
    def parameters(self) -> Stored:
        """The value of the column."""


def _lacking(value: Any) -> dict[str, Any]:
    """What a row that lacks a field is read as. The field itself is always written."""
    return {_LACKING: value}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Object:
    """A JSON object of the column.

    A field without a default is always written; another one, when it has not
    its default.

    :ivar others: members that this release does not know.
    """

    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Read it, whichever release wrote it."""
        others = dict(stored)
        values: dict[str, Any] = {'others': others}
        for field in _fields(cls):
            if field.name in stored:
                values[field.name] = _frozen(field, others.pop(field.name))
            elif _LACKING in field.metadata:
                values[field.name] = field.metadata[_LACKING]
        return cls(**values)

    def written(self) -> dict[str, Any]:
        """The members, in JSON's types."""
        written = dict(self.others)
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value != _default(field):
                written[field.name] = _plain(value)
        return written


def _fields(kind: type[_Object]) -> list['dataclasses.Field[Any]']:
    return [field for field in dataclasses.fields(kind) if field.name != 'others']


def _default(field: 'dataclasses.Field[Any]') -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _frozen(field: 'dataclasses.Field[Any]', value: Any) -> Any:
    element = field.metadata.get(_ELEMENT)
    if element is not None:
        return tuple(map(element.read, value))
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.written() if isinstance(value, _Object) else value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Round(_Object):
    """One pass of an operation that goes over several node groups.

    All that a resume or a retry needs to know. Nodes are replaced in batches; the
    next begins when the nodes of the last are ready.

    :ivar uuid: the node group's.
    :ivar name: the node group's.
    :ivar revision: of the nodes that the group is to have.
    :ivar minutes: how long a batch may take.
    :ivar before: the group's columns as they were.
    :ivar values: the group's columns as they are to be.
    :ivar batch: indexes of the nodes that are replaced now; None: not settled yet.
    :ivar later: indexes of those that Heat leaves as they are meanwhile.
    :ivar staying: those of ``later`` that are not replaced at all. A release that does not
        know them replaces them, too, in batches.
    :ivar at_once: how many are replaced at once; None: as many as was asked for.
    :ivar is_asked: Heat may have been asked to replace the batch, or servers of it deleted.
    :ivar deleting: ids of servers that Nova was told to delete before Heat is asked.
    """

    uuid: str = dataclasses.field(metadata=_lacking(''))
    name: str = dataclasses.field(metadata=_lacking(''))
    revision: int = dataclasses.field(metadata=_lacking(0))
    minutes: int = dataclasses.field(metadata=_lacking(0))
    before: Mapping[str, Any] = dataclasses.field(metadata=_lacking({}))
    values: Mapping[str, Any] = dataclasses.field(metadata=_lacking({}))
    batch: tuple[str, ...] | None = None
    later: tuple[str, ...] = ()
    staying: tuple[str, ...] = ()
    at_once: int | None = None
    is_asked: bool = False
    deleting: tuple[str, ...] = ()

    @property
    def coming(self) -> tuple[str, ...]:
        """Indexes of the nodes that are replaced after the batch."""
        return tuple(index for index in self.later if index not in self.staying)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters(_Object):
    """Parameters of an operation of any verb.

    :ivar is_retry: it tries again one that failed.
    """

    verb: ClassVar[str] = ''

    is_retry: bool = False

    @classmethod
    def of(cls, operation: Described) -> Self:
        """Read those of an operation. Of a verb that is not known here: what all have.

        :raises TypeError: operations of its verb have others.
        """
        kind = _OF_VERBS.get(operation.verb, Parameters)
        if not issubclass(kind, cls):
            raise TypeError(f'{operation.verb} has {kind.__name__}, not {cls.__name__}')
        return kind.read(cast(Mapping[str, Any], operation.parameters))

    def stored(self) -> Stored:
        """The value of the column."""
        return Stored(self.written())

    def again(self) -> Self:
        """Those of an operation that tries this one again, from where it came to."""
        return dataclasses.replace(self, is_retry=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfNodegroup(Parameters):
    """What is about one node group has these.

    :ivar nodegroup: its uuid.
    """

    nodegroup: str = dataclasses.field(metadata=_lacking(''))


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfMadeNodegroup(Parameters):
    """What may change a node group that was there before has these.

    :ivar shown_before: ``status`` and ``status_reason`` that the node group has but for it,
        while it waits for its turn.
    """

    shown_before: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def again(self) -> Self:
        """As of all; it does not wait."""
        return dataclasses.replace(super().again(), shown_before={})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Building(Parameters):
    """What builds nodes has these.

    :ivar awaited: names of the nodes that are to report that they are ready.
    """

    awaited: tuple[str, ...] = ()

    def again(self) -> Self:
        """As of all; which nodes there are is looked up again."""
        return dataclasses.replace(super().again(), awaited=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakingAway(Parameters):
    """What takes nodes away has these.

    :ivar leaving: names of the nodes that go, as far as they report.
    """

    leaving: tuple[str, ...] = ()

    def again(self) -> Self:
        """As of all; which nodes there are is looked up again."""
        return dataclasses.replace(super().again(), leaving=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Replacing(TakingAway, Building):
    """What puts new nodes into the places of others has these.

    :ivar if_silent: indexes of nodes that were named because nothing was heard of them: they
        stay when they report before anything was done.
    """

    if_silent: tuple[str, ...] = ()

    def again(self) -> Self:
        """As of all; a node that was drained goes, although it reports again."""
        return dataclasses.replace(
            super().again(), if_silent=() if self.leaving else self.if_silent
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class InRounds(Parameters):
    """What goes over several node groups, one after the other, has these.

    A retry begins with the round that failed: what is done is not done again.

    :ivar groups: what each round is about; none until that is settled.
    :ivar round: the one that goes on, counted from 0.
    """

    groups: tuple[Round, ...] = dataclasses.field(default=(), metadata={_ELEMENT: Round})
    round: int = 0

    @property
    def current(self) -> Round:
        """The round that goes on.

        :raises IndexError: it is not settled yet what the rounds are about.
        """
        return self.groups[self.round]

    def next_round(self) -> Self:
        """The same for the next node group."""
        return dataclasses.replace(self, round=self.round + 1)

    def with_current(self, **changes: Any) -> Self:
        """The same with other values of the round that goes on."""
        groups = list(self.groups)
        groups[self.round] = dataclasses.replace(self.current, **changes)
        return dataclasses.replace(self, groups=tuple(groups))

    def written(self) -> dict[str, Any]:
        """The members; ``round`` is beside ``groups`` always."""
        return {**super().written(), **({'round': self.round} if self.groups else {})}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removing(Parameters):
    """What removes stacks has these.

    :ivar delete_attempts: how often each thing, by its id, was asked to go, or looked at.
    :ivar networks: ids of the networks that the bay had.
    :ivar servers: ids of the servers that the bay had.
    """

    delete_attempts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    networks: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    def with_attempts(self, what: str, attempts: int) -> Self:
        """The same with another number of attempts at one thing."""
        return dataclasses.replace(
            self, delete_attempts={**self.delete_attempts, what: attempts}
        )

    def again(self) -> Self:
        """As of all; what would not go is asked as often again."""
        return dataclasses.replace(super().again(), delete_attempts={})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Create(Removing, Building):
    """Creation of a bay. A retry removes what the failed attempt left."""

    verb = states.CREATE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resize(OfNodegroup, OfMadeNodegroup, Replacing):
    """Resize of a node group.

    :ivar node_count: how many nodes there are to be.
    :ivar previous_node_count: how many there were; None: not known.
    :ivar rollback: Heat is to undo a change that fails.
    :ivar nodes_to_remove: nodes that go before any other, as the request names them.
    :ivar taken: the nodes that they are, by index, with the ids of their servers
        when Heat was asked: a later attempt may find them gone.
    :ivar echoes: how often it met the end of a change that was cancelled.
    """

    verb = states.RESIZE

    node_count: int = dataclasses.field(metadata=_lacking(0))
    previous_node_count: int | None = dataclasses.field(metadata=_lacking(None))
    rollback: bool = dataclasses.field(metadata=_lacking(False))
    nodes_to_remove: tuple[str, ...] = dataclasses.field(metadata=_lacking(()))
    taken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    echoes: int = 0

    def again(self) -> Self:
        """As of all; what it met is not held against the next.

        A node that Heat was told to take goes, although it reports again.
        """
        found = dataclasses.replace(super().again(), echoes=0)
        return dataclasses.replace(found, if_silent=()) if self.taken else found


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResizeMasters(InRounds, OfNodegroup, TakingAway, Building):
    """Another number of masters: one joins or leaves in each round.

    Of a round, ``batch`` has the indexes of the masters that join or leave, and ``before``
    and ``values`` the ``node_count`` that the group has before and after it.

    :ivar node_count: how many masters there are to be.
    :ivar minutes: how long one round may take.
    :ivar template_version: of the template that Heat is asked for.
    :ivar addresses: of the masters that leave in this round, by name; None: not settled yet.
    :ivar master_settings: those by which masters know each other at the end; None: not
        settled yet.
    """

    verb = states.RESIZE_MASTERS

    node_count: int = dataclasses.field(metadata=_lacking(0))
    minutes: int = dataclasses.field(metadata=_lacking(0))
    template_version: str | None = None
    addresses: Mapping[str, str] | None = None
    master_settings: Mapping[str, str] | None = None

    def next_round(self) -> Self:
        """As of all; its nodes are others."""
        return dataclasses.replace(
            super().next_round(), leaving=(), awaited=(), addresses=None
        )

    def again(self) -> Self:
        """As of all; who there is, is looked up again."""
        return dataclasses.replace(super().again(), addresses=None, master_settings=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateNodegroup(OfNodegroup, Building):
    """Creation of a further node group."""

    verb = states.CREATE_NODEGROUP


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeleteNodegroup(OfNodegroup, OfMadeNodegroup, Removing, TakingAway):
    """Deletion of a further node group."""

    verb = states.DELETE_NODEGROUP


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upgrade(InRounds, OfMadeNodegroup, Replacing):
    """Upgrade of nodes to what a baymodel has.

    :ivar baymodel: its uuid.
    :ivar fingerprint: a hash of what it was when the request was accepted.
    :ivar max_batch_size: how many nodes may be replaced at once.
    :ivar minutes: how long one batch may take.
    :ivar nodegroup: uuid of the one that was asked for; None: all.
    :ivar nodes: indexes of the nodes of that one which are replaced; none: all.
    :ivar ids: of what attributes of baymodels name, by attribute and name or id.
    :ivar template_version: of the template that Heat is asked for.
    :ivar master_settings: those that masters are given while they live; None: not settled yet.
    :ivar taken_over: names of masters that have them, or may.
    """

    verb = states.UPGRADE

    baymodel: str = dataclasses.field(metadata=_lacking(''))
    fingerprint: str = dataclasses.field(metadata=_lacking(''))
    max_batch_size: int = dataclasses.field(metadata=_lacking(1))
    minutes: int = dataclasses.field(metadata=_lacking(0))
    nodegroup: str | None = None
    nodes: tuple[str, ...] = ()
    ids: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    template_version: str | None = None
    master_settings: Mapping[str, str] | None = None
    taken_over: tuple[str, ...] = ()

    def next_batch(self) -> Self:
        """The same for the nodes that are replaced next."""
        size = max(1, self.current.at_once or self.max_batch_size)
        coming = self.current.coming
        later = (*coming[size:], *self.current.staying)
        return dataclasses.replace(
            self.with_current(batch=coming[:size], later=later, is_asked=False),
            leaving=(), awaited=(),
        )

    def next_round(self) -> Self:
        """As of all; its nodes are others."""
        return dataclasses.replace(super().next_round(), leaving=(), awaited=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotateCredential(Parameters):
    """Rotation of the credential of the bay's user.

    :ivar cloud_generation: of the credential that masters are to have after it, once it is
        begun.
    """

    verb = states.ROTATE_CREDENTIAL

    cloud_generation: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotateCA(Parameters):
    """Rotation of the certificate authority.

    :ivar is_retired: the former one is trusted no more.
    """

    verb = states.ROTATE_CA

    is_retired: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delete(Removing):
    """Deletion of a bay."""

    verb = states.DELETE


VERBS: Final = (
    Create, Resize, ResizeMasters, CreateNodegroup, DeleteNodegroup, Upgrade, RotateCredential,
    RotateCA, Delete,
)
_OF_VERBS: Final[dict[str, type[Parameters]]] = {kind.verb: kind for kind in VERBS}
