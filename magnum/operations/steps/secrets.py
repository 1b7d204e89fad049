"""The bay's certificate authority, and the tokens of its nodes."""

from magnum.operations import ledger
from magnum.operations.work import Work


def ensure_authority(work: Work) -> None:
    """Make the bay's CA and the service's own client certificate."""
    bay = work.situation().bay
    with work.fenced() as (session, _):
        ledger.write(session, bay.uuid, bay.project_id, ledger.CERTIFICATES, bay.uuid)
        work.tools.certificates.ensure_authority(session, bay.uuid, bay.name)


def arm_bootstrap(work: Work) -> None:
    """Let the nodes that this operation builds ask for certificates."""
    with work.fenced() as (session, operation):
        work.tools.certificates.tokens.arm(session, operation.bay_uuid, operation.uuid)


def disarm_bootstrap(work: Work) -> None:
    """The nodes have what they need: their tokens open nothing any more."""
    with work.fenced() as (session, operation):
        work.tools.certificates.tokens.disarm(session, operation.uuid)
