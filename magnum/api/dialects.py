"""The two vocabularies, as data.

Inside, attributes have one name: that of the table's column, or of what is
computed from it. A dialect says how a resource is called in paths, messages
and policy, and where a member of its documents is called otherwise than the
attribute. What documents hold, their types say.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final


@dataclasses.dataclass(frozen=True, eq=False)
class Dialect:
    """How one vocabulary speaks of one resource.

    ``argument`` names the request's body in messages; ``title`` the resource.
    ``members`` maps an attribute to its member where the two differ.
    ``changes_with`` is the microversion from which ``successor`` holds.
    """

    argument: str
    title: str
    singular: str                  # as "use the cluster uuid" says it
    plural: str                    # as "Multiple clusters exist" says it
    collection: str                # path segment, and member of a list
    policy: str                    # prefix of policy rules
    name_suffix: str               # of generated names
    members: Mapping[str, str]
    is_modern: bool = True                     # not the names of 2016
    bays: str = ''                             # a baymodel's: what refers to it
    asynchronous_from: int = 1                 # microversion
    unknown_baymodel_404_from: int | None = None
    changes_with: int | None = None
    successor: 'Dialect | None' = None

    def member(self, attribute: str) -> str:
        """The attribute's name in documents."""
        return self.members.get(attribute, attribute)

    def spoken(self) -> Iterator['Dialect']:
        """The dialect in all its versions, oldest first."""
        yield self
        if self.successor is not None:
            yield from self.successor.spoken()

    def at(self, version: int) -> 'Dialect':
        """The dialect as it is spoken at a microversion."""
        if self.successor is not None and self.changes_with is not None:
            return self.successor if version >= self.changes_with else self
        return self


def plain(argument: str, collection: str) -> Dialect:
    """The dialect of a resource whose names are all made of one word."""
    return Dialect(
        argument=argument, title=argument.capitalize(), singular=argument, plural=collection,
        collection=collection, policy=argument, name_suffix=argument, members={},
    )


BAYMODELS: Final = dataclasses.replace(
    plain('baymodel', 'baymodels'), title='BayModel', singular='BayModel', plural='BayModels',
    name_suffix='model', is_modern=False, bays='bays',
)
CLUSTER_TEMPLATES: Final = Dialect(
    argument='cluster_template', title='ClusterTemplate', singular='ClusterTemplate',
    plural='ClusterTemplates', collection='clustertemplates', policy='clustertemplate',
    name_suffix='template', members={}, bays='clusters',
)

BAYS: Final = dataclasses.replace(
    plain('bay', 'bays'),
    members={'create_timeout': 'bay_create_timeout', 'faults': 'bay_faults'},
    asynchronous_from=2, is_modern=False,
)
_CLUSTERS_1_13: Final = dataclasses.replace(
    plain('cluster', 'clusters'),
    members={'baymodel_id': 'cluster_template_id', 'stack_id': 'cluster_id'},
    unknown_baymodel_404_from=10,
)
CLUSTERS: Final = dataclasses.replace(
    _CLUSTERS_1_13,
    members={'baymodel_id': 'cluster_template_id'}, changes_with=13, successor=_CLUSTERS_1_13,
)

CERTIFICATES: Final = dataclasses.replace(
    plain('certificate', 'certificates'), members={'bay': 'cluster_uuid'}
)
NODEGROUPS: Final = dataclasses.replace(
    plain('nodegroup', 'nodegroups'), members={'bay_uuid': 'cluster_id'}
)
OPERATIONS: Final = plain('operation', 'operations')
DRIVERS: Final = plain('driver', 'drivers')
CONFIG: Final = plain('config', 'config')
QUOTAS: Final = plain('quota', 'quotas')

#: Every dialect as spoken at some microversion.
BAY_DIALECTS: Final = (*BAYS.spoken(), *CLUSTERS.spoken())
BAYMODEL_DIALECTS: Final = (BAYMODELS, CLUSTER_TEMPLATES)
