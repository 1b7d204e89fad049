"""[identity]"""

from typing import Final

from oslo_config import cfg

#: What cloud-provider-openstack's controllers ask of a cloud: compute of servers and their
#: volumes, networks to look at, addresses and security groups to make, load balancers,
#: volumes and their snapshots. Clouds call Cinder by one of two types.
_ACCESS_RULES: Final = (
    'compute GET /**/servers**',
    'compute GET /**/flavors**',
    'compute GET /**/os-availability-zone**',
    'compute POST,DELETE /**/servers/*/os-volume_attachments**',
    'network GET /**',
    'network PUT /**/ports/**',
    'network POST,PUT,DELETE /**/floatingips**',
    'network POST,PUT,DELETE /**/security-group**',
    'load-balancer GET,POST,PUT,DELETE /**',
    *(
        rule
        for service in ('block-storage', 'volumev3')
        for rule in (
            f'{service} GET /**',
            f'{service} POST,PUT,DELETE /**/volumes**',
            f'{service} POST,PUT,DELETE /**/snapshots**',
        )
    ),
    'image GET /**',
)

GROUP = cfg.OptGroup('identity', title='The Keystone user that each bay has of its own')

OPTIONS = [
    cfg.StrOpt(
        'domain_id',
        help="Id of the Keystone domain of the bays' users. [keystone_auth]'s account must be "
        'allowed to make users there and to grant roles on projects.',
    ),
    cfg.StrOpt('domain_name', default='magnum', help='Name of that domain, when no id is given.'),
    cfg.ListOpt(
        'roles',
        default=['member', 'load-balancer_member'],
        help="Roles that a bay's user gets on the bay's project: those of this list that the "
        'caller holds too, never more.',
    ),
    cfg.ListOpt(
        'cloud_roles',
        default=['member', 'load-balancer_member'],
        help='Roles of the application credentials that the masters of a bay get, where the bay '
        "asks for them: those of this list that the bay's user holds, and one at least. Roles "
        'whose names begin with ``load-balancer_`` are for add-ons alone that make load balancers.',
    ),
    cfg.MultiStrOpt(
        'cloud_access_rules',
        default=list(_ACCESS_RULES),
        help='What those credentials may ask for and nothing else: a service type, methods '
        "separated by commas, and a path, as Keystone's access rules have them (* is a part of a "
        'path, ** any number of parts). The option is given once for each rule. Services accept '
        'a credential with rules only if [keystone_authtoken]service_type is set in their '
        'configuration, to the type that the rule has and the catalogue, too. A single empty '
        'value: no rules, the roles alone decide. These rules are for the controllers of '
        'cloud-provider-openstack: that of Cinder gets none of network and load-balancer, the '
        'others none of block-storage, volumev3 and image, and of compute what reads. The '
        'cluster autoscaler has rules for its own paths of Magnum and Heat in their place, and '
        'the driver of Manila for shares and snapshots. Bays that earlier releases made have '
        'one credential with the rules of all.',
    ),
    cfg.IntOpt(
        'cloud_credential_check',
        default=3600,
        min=0,
        mutable=True,
        help='Seconds after which Keystone is asked again whether it accepts the application '
        'credential of a bay, each time for one token; 0: never. One that is refused is told by '
        "the bay's condition CredentialsValid and an event.",
    ),
    cfg.IntOpt(
        'cloud_credential_wait',
        default=600,
        min=0,
        mutable=True,
        help='Seconds for which a rotation waits until all masters that report have the new '
        'application credential, and so have the pods of their bay, before it deletes the old '
        'one; at most half of the time that the operation has. Add-ons with pods on many nodes '
        'are started anew a few nodes at a time, and may need more.',
    ),
]
