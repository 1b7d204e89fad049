"""[cluster_heat]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('cluster_heat', title='Heat stacks of bays')

OPTIONS = [
    cfg.IntOpt(
        'create_timeout',
        default=60,
        min=1,
        mutable=True,
        help='Minutes that a bay may take to be built or changed whose create_timeout is 0. '
        'Where a request leaves create_timeout out it is 60. Heat gives up a little earlier '
        'than the operation.',
    ),
    cfg.IntOpt(
        'delete_timeout',
        default=60,
        min=1,
        mutable=True,
        help='Minutes that a bay may take to be deleted before the delete counts as failed. '
        'It may be asked for again.',
    ),
    cfg.IntOpt(
        'deadline_margin',
        default=120,
        min=0,
        mutable=True,
        help="Seconds by which Heat's own timeout ends before the operation's deadline.",
    ),
]
