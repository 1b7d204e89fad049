"""Tables. One class per table, columns in the words of the field.

Rows that outlive their bay (operations, steps, events, issued certificates)
name it by uuid without a foreign key. ``generation`` counts changes of a row
that users may change, for optimistic concurrency.
"""

from magnum.db.models.base import Base
from magnum.db.models.bays import Bay, Baymodel, Nodegroup
from magnum.db.models.certificates import ISSUED_TO_LENGTH, IssuedCertificate, KeyPair
from magnum.db.models.credentials import BayIdentity, CloudCredential, PurposeCredential
from magnum.db.models.nodes import (
    NOTHING_REPORTED,
    BootstrapToken,
    Directive,
    Node,
    NodeArchive,
    NodeTrust,
)
from magnum.db.models.operations import Event, LedgerEntry, Operation, OperationStep
from magnum.db.models.service import COMMIT_RECORD, ConductorService, IdempotencyKey, Quota

__all__ = [
    'COMMIT_RECORD',
    'ISSUED_TO_LENGTH',
    'NOTHING_REPORTED',
    'Base',
    'Bay',
    'BayIdentity',
    'Baymodel',
    'BootstrapToken',
    'CloudCredential',
    'ConductorService',
    'Directive',
    'Event',
    'IdempotencyKey',
    'IssuedCertificate',
    'KeyPair',
    'LedgerEntry',
    'Node',
    'NodeArchive',
    'NodeTrust',
    'Nodegroup',
    'Operation',
    'OperationStep',
    'PurposeCredential',
    'Quota',
]
