"""What certificates a bay's node may have."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class NodeCertificate:
    """A certificate that a node of one role may have.

    The subject is the driver's word, never the node's: ``common_name`` may
    hold ``{node}``, which becomes the node's name. ``dns_names`` are the DNS
    names, beside the node's own name and ``localhost``, that the node may
    ask for; addresses are free, because nodes learn theirs when they boot.
    """

    common_name: str
    organization: str | None = None
    server: bool = False
    client: bool = False
    dns_names: tuple[str, ...] = ()
