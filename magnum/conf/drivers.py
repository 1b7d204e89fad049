"""[drivers]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('drivers', title='Kinds of bays')

OPTIONS = [
    cfg.ListOpt('disabled_drivers', default=[], help='Drivers that are not offered.'),
    cfg.BoolOpt(
        'allow_unknown_labels',
        default=False,
        help='Let labels pass that the driver does not know; otherwise they are refused by name.',
    ),
    cfg.BoolOpt(
        'verify_ca', default=True, help="Let nodes verify the TLS certificates of the cloud's API."
    ),
    cfg.StrOpt(
        'openstack_ca_file',
        help="Certificates that nodes verify the cloud's API with; put into their user data.",
    ),
    cfg.IntOpt(
        'node_boot_timeout',
        default=3000,
        min=60,
        help='Seconds that a node may take from its creation to its signal.',
    ),
]
