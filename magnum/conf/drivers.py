"""[drivers]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('drivers', title='Kinds of bays')

OPTIONS = [
    cfg.ListOpt('disabled_drivers', default=[], help='Drivers that are not offered.'),
    cfg.BoolOpt(
        'strict_labels',
        default=False,
        help='Refuse labels that the driver does not know; otherwise they are kept and have no '
        'effect. Names that are very like a known one are refused in either case.',
    ),
    cfg.BoolOpt(
        'any_version',
        default=False,
        help='Let bays have releases of their COE that the driver was not made for. Digests of '
        'what their nodes download are not known then: a label gives them.',
    ),
    cfg.BoolOpt(
        'cloud_provider',
        default=False,
        help='Give new Kubernetes bays the OpenStack cloud provider, whose load balancers '
        'services of the type LoadBalancer get, where the cloud has Octavia and neither bay nor '
        'template has the label cloud_provider_enabled. Until it runs, nothing is placed on '
        "nodes: nodes have to reach its image and the cloud's services, and these to accept "
        'credentials with access rules ([identity]cloud_access_rules).',
    ),
    cfg.StrOpt(
        'catalogue_file',
        help='YAML file with releases that came after this one of the service: digests of '
        'programs and of charts, and ends of support, by drivers. The same on all hosts.',
    ),
    cfg.IntOpt(
        'support_notice',
        default=60,
        min=0,
        mutable=True,
        help='Days before the end of the support of a release from which on bays that run it '
        'say so, by their condition ReleaseSupported and an event.',
    ),
    cfg.BoolOpt(
        'verify_ca', default=True, help="Let nodes verify the TLS certificates of the cloud's API."
    ),
    cfg.StrOpt(
        'openstack_ca_file',
        help="Certificates that nodes verify the cloud's API with; put into their user data.",
    ),
    cfg.BoolOpt(
        'insecure_downloads',
        default=False,
        help='Let nodes download programs over plain HTTP, and run those of which no digest is '
        'pinned or given by a label, checked at best by one from the same place.',
    ),
    cfg.IntOpt(
        'node_boot_timeout',
        default=3000,
        min=60,
        help='Seconds that a node may take to be ready, from when Heat has its server.',
    ),
]
