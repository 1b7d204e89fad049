"""The bay's certificate authority, and the tokens of its nodes."""

from magnum.operations import ledger
from magnum.operations.work import Work


def ensure_authority(work: Work) -> None:
    """Make the bay's CA and the service's own client certificate."""
    bay = work.situation().bay
    with work.writing() as session:
        ledger.write(session, bay.uuid, bay.project_id, ledger.CERTIFICATES, bay.uuid)
        work.tools.certificates.ensure_authority(session, bay.uuid, bay.name)


def arm_bootstrap(work: Work) -> None:
    """Let the nodes that this operation builds ask for certificates."""
    with work.writing() as session:
        claim = work.claim
        work.tools.certificates.tokens.arm(session, claim.bay_uuid, claim.operation_uuid)


def disarm_bootstrap(work: Work) -> None:
    """The nodes have what they need: their tokens open nothing any more."""
    with work.writing() as session:
        work.tools.certificates.tokens.disarm(session, work.claim.operation_uuid)
