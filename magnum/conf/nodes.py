"""[nodes]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('nodes', title='What nodes report of themselves while they live')

OPTIONS = [
    cfg.IntOpt(
        'report_interval',
        default=60,
        min=5,
        mutable=True,
        help='Seconds between two reports of a node; each answer says it anew, up to 20 % more '
        'or less, and asks for one in 5 s while an operation on the bay is active.',
    ),
    cfg.IntOpt(
        'silent_after',
        default=300,
        min=15,
        mutable=True,
        help='Seconds without a report after which a node counts as silent: at least three times '
        'report_interval. When a node was last heard of is written to the database about three '
        'times as often: when the value is lowered, nodes may count as silent until their next '
        'report.',
    ),
    cfg.IntOpt(
        'drain_timeout',
        default=300,
        min=0,
        mutable=True,
        help='Seconds for which a resize, an upgrade or the delete of a node group waits until a '
        'master has drained the nodes that go, and again until it has taken them out of the '
        'cluster; at most a third of the time that the operation has left. Then it goes on. '
        'Draining itself has four fifths of it, and an hour at most: the rest is for the report '
        'of what is left. '
        '0: neither is asked for. '
        'A master that goes is taken out in any case, which has five minutes at least; if it '
        'cannot be, it is not replaced.',
    ),
    cfg.IntOpt(
        'heal_after',
        default=300,
        min=0,
        mutable=True,
        help='Seconds for which a node is silent, beside nodes of the bay that report, before '
        'it is replaced, in bays with the label auto_healing_enabled: a worker, one of three or '
        'more masters, of which all others serve, or an only one whose etcd has a volume. They '
        'follow those of silent_after. A worker that reports for as long that it is not healthy '
        'is replaced, too. 0: none is replaced by itself.',
    ),
    cfg.IntOpt(
        'heal_at_most',
        default=34,
        min=0,
        max=100,
        mutable=True,
        help='Percent of the workers of a node group that may be replaced at once, and one at '
        'least. When more of them are lost, none is replaced: the network is the more likely '
        'reason. Of masters one is replaced, and none when more of them are silent.',
    ),
    cfg.IntOpt(
        'heal_pause',
        default=1800,
        min=0,
        mutable=True,
        help='Seconds after the beginning of a replacement before the next in the same bay.',
    ),
    cfg.IntOpt(
        'heal_retries',
        default=2,
        min=0,
        mutable=True,
        help='How often the replacement of a lost node that failed is tried again by itself, '
        'heal_pause seconds after the last attempt began. Until it has succeeded, no other node '
        'of the bay is replaced. 0: it is left to the user.',
    ),
    cfg.IntOpt(
        'requests_per_minute',
        default=60,
        min=0,
        help='Requests that one node may sign and send to one API process in a minute, but for '
        'logins; 0: no limit. Reports of a node that boots, or whose bay an operation works on, '
        'come every 5 s, as do questions of a master that waits to take other authorities over.',
    ),
    cfg.IntOpt(
        'logins_per_minute',
        default=120,
        min=0,
        help='Tokens of users that one master may ask one API process about in a minute; 0: no '
        'limit. Its API server asks for the same token again after two minutes.',
    ),
]
