"""Errors of nodes that are being built or live."""

from typing import Final

from magnum.api.errors.kinds import Kind

REFUSED: Final = Kind(
    'magnum.bootstrap.refused', 401,
    'The bootstrap token, or the key, opens nothing here; what is wrong is not told.',
    'Nothing to be done from the node: a token lives as long as its node is being built, and a '
    'key opens the trust of its bay, and its own certificates while the authority is rotated.',
)
TOO_MANY: Final = Kind(
    'magnum.bootstrap.too_many_requests', 429,
    'The address, or the nodes of the bay, asked too often.',
    'Come again after the seconds in "Retry-After".',
)
INVALID_NODE: Final = Kind(
    'magnum.bootstrap.invalid_node', 400,
    "The node's name is malformed.",
    'Send the name of the server, in lower case.',
)
NODE_REFUSED: Final = Kind(
    'magnum.bootstrap.node_refused', 403,
    'The token is good, but not for a node of this name: the operation builds no such node, or '
    "the cloud has no server of this name that the bay's own user made.",
    'Send the name of the server that asks. A node of another operation keeps the certificates '
    'that it has.',
)
IDENTITY_CONFLICT: Final = Kind(
    'magnum.bootstrap.identity_conflict', 409,
    'Another key was shown for this node before. The operation that builds it fails.',
    'Nothing to be done from the node. The reason of the failed operation says what the '
    'operator does.',
)
UNKNOWN_PURPOSE: Final = Kind(
    'magnum.bootstrap.unknown_purpose', 400,
    'No node has a certificate of this purpose.',
    "Ask for a purpose that the bay's driver names.",
)
PURPOSE_REFUSED: Final = Kind(
    'magnum.bootstrap.purpose_refused', 403,
    'Nodes of this role may not have this certificate.',
    "Ask only for the certificates of the node's own role.",
)
NOT_YET: Final = Kind(
    'magnum.bootstrap.not_yet', 425,
    'Another master of the bay is taking over other authorities; they do so one at a time.',
    'Come again after the seconds in "Retry-After".',
)
CLOCK: Final = Kind(
    'magnum.bootstrap.clock', 401,
    "The signature is good, but the node's clock is more than five minutes off.",
    'Sign again, by the time in the header "Date".',
)
GONE: Final = Kind(
    'magnum.bootstrap.gone', 410,
    'The bay was deleted.',
    'Report nothing any more.',
)
UNKNOWN_DIRECTIVE: Final = Kind(
    'magnum.bootstrap.unknown_directive', 404,
    'The node was not asked to do this.',
    'Name a directive of an answer that this node was given.',
)
UNKNOWN_FILES: Final = Kind(
    'magnum.bootstrap.unknown_files', 404,
    'No files of nodes have this digest.',
    "Name the digest that is in the node's user data.",
)
