"""Fields that several resources have."""

from typing import Final

from magnum.api.types import schemas
from magnum.api.types.fields import Field, Shown
from magnum.api.types.scalars import Boolean, Ignored, Integer, Text, Timestamp

FULL: Final = Shown.IN_FULL

# What a bay, and a node group after it, takes over from a baymodel.
FLAVOR: Final = Field('flavor_id', Text(), 'Name or id of the flavor of workers.')
MASTER_FLAVOR: Final = Field('master_flavor_id', Text(), 'Name or id of the flavor of masters.')
VOLUME_SIZE: Final = Field(
    'docker_volume_size', Integer(1), "GB of each node's volume for containers."
)
FIXED_NETWORK: Final = Field(
    'fixed_network', Text(),
    'Name or id of the network of the nodes, or the CIDR of a new one.', shown=FULL,
)
FIXED_SUBNET: Final = Field(
    'fixed_subnet', Text(), 'Name or id of the subnet of the nodes.', shown=FULL
)
FLOATING_IPS: Final = Field(
    'floating_ip_enabled', Boolean(), 'Whether nodes have floating addresses.', default=True,
    shown=FULL,
)
MASTER_LB: Final = Field(
    'master_lb_enabled', Boolean(), 'Whether a load balancer stands before the masters.',
    default=False, shown=FULL,
)

UUID: Final = Field(
    'uuid', Ignored(), 'Made by the service.', read_only=True, answer=schemas.UUID
)
ROW: Final = Field(
    'id', Integer(), 'Number of the row.', read_only=True, shown=FULL,
    answer=schemas.NUMBER_OF_A_ROW,
)
STATUS_WORDS: Final = 'What goes on, or how the last thing ended.'
STATUS_REASON: Final = Field(
    'status_reason', Ignored(), 'Why it failed.', ignored=True, shown=FULL, answer=schemas.TEXT
)
STACK_ID: Final = Field(
    'stack_id', Text(), 'Id of its stack in Heat.', read_only=True, answer=schemas.TEXT
)
PROJECT_ID: Final = Field(
    'project_id', Text(), 'The project that owns it.', read_only=True, shown=FULL,
    answer=schemas.TEXT,
)
USER_ID: Final = Field('user_id', Text(), 'The user who made it.', read_only=True, shown=FULL)
CREATED_AT: Final = Field(
    'created_at', Timestamp(), 'When it was made.', read_only=True, shown=FULL,
    answer=schemas.TIME,
)
UPDATED_AT: Final = Field(
    'updated_at', Timestamp(), 'When it was last changed.', read_only=True, shown=FULL,
    answer=schemas.TIME,
)
LINKS: Final = Field(
    'links', Ignored(), 'Where it is to be found.', read_only=True, answer=schemas.LINKS
)


def differences(base: str) -> tuple[Field, ...]:
    """Labels beside those of a baymodel or a bay.

    :param base: what they are compared with.
    """
    words = {
        'labels_overridden': f"Labels that differ from the {base}'s, with the {base}'s values.",
        'labels_added': f'Labels that the {base} has not.',
        'labels_skipped': f'Labels that only the {base} has.',
    }
    return tuple(
        Field(name, Ignored(), meaning, ignored=True, shown=FULL, answer=schemas.STRINGS)
        for name, meaning in words.items()
    )
