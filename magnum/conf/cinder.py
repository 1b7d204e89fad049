"""[cinder]: root volumes of nodes, and volumes of claims."""

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
    cfg.BoolOpt(
        'delete_claim_volumes',
        default=False,
        help='Whether the delete of a Kubernetes bay deletes the volumes that the Cinder CSI '
        'driver made for claims in it, and their snapshots. The reclaim policy of their class '
        'is not visible in Cinder: with this, only those stay that have the property '
        'magnum.openstack.org/retain=true, and data that a class is to retain is lost where '
        'it is not set. Without it all volumes and snapshots stay, and the event '
        'bay.delete.kept names them.',
    ),
]
