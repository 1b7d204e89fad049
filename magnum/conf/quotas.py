"""[quotas]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('quotas', title='Limits per project')

OPTIONS = [
    cfg.IntOpt(
        'max_clusters_per_project',
        default=20,
        min=0,
        mutable=True,
        help='How many bays a project may have that has no quota of its own.',
    ),
]
