"""[identity]"""

from oslo_config import cfg

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
]
