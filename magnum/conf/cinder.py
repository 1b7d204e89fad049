"""[cinder]: root volumes of nodes."""

from oslo_config import cfg

GROUP = cfg.OptGroup('cinder', title='Volumes of nodes')

OPTIONS = [
    cfg.IntOpt(
        'default_boot_volume_size',
        default=0,
        min=0,
        help='Size in GB of the root volume of nodes whose bay has no label '
        'boot_volume_size; 0: they boot from the disk of their flavor.',
    ),
]
