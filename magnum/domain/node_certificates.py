"""What certificates a bay's node may have."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class NodeCertificate:
    """A certificate that a node of one role may have.

    The subject is the driver's word, never the node's: ``common_name`` may
    hold ``{node}``, which becomes the node's name. ``dns_names`` are the DNS
    names, beside the node's own name and ``localhost``, that the node may
    ask for. ``api`` says that the certificate is shown to clients of the bay's
    API, and so may have the API's addresses beside the node's own.
    """

    common_name: str
    organization: str | None = None
    server: bool = False
    client: bool = False
    dns_names: tuple[str, ...] = ()
    api: bool = False


@dataclasses.dataclass(frozen=True)
class NodeAddresses:
    """The addresses that the cloud says a node has.

    ``api`` are the API's, on nodes that serve it.
    """

    own: tuple[str, ...] = ()
    api: tuple[str, ...] = ()
