"""[conductor]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('conductor', title='Processes that carry operations out')

OPTIONS = [
    cfg.StrOpt(
        'topic',
        default='magnum-conductor',
        help='Message queue topic that wakes conductors up.',
    ),
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        help='Conductor processes that magnum-conductor starts on this host.',
    ),
    cfg.IntOpt(
        'threads',
        default=8,
        min=1,
        help='Operations that one conductor process works on at the same time, and steps of '
        'theirs. An operation that waits for Heat holds no thread.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        default=5.0,
        min=0.05,
        mutable=True,
        help='Seconds between looks for work in the database. A wake-up message shortens the '
        'wait; a lost one costs no more than this.',
    ),
    cfg.IntOpt(
        'lease',
        default=20,
        min=3,
        help='Seconds after which the work of a conductor that stopped renewing its lease is '
        'taken over; it is renewed four times as often. Work of a conductor that died on the '
        'same host is taken over at once. Must exceed [openstack_client]timeout.',
    ),
    cfg.FloatOpt(
        'watch_interval',
        default=10.0,
        min=0.05,
        mutable=True,
        help='Seconds between checks, in batches, of the Heat stacks that operations wait for; '
        'jittered. Heat notifications, where they arrive, shorten the wait.',
    ),
    cfg.BoolOpt(
        'heat_notifications',
        default=True,
        help="Listen to Heat's notifications. They are hints only: without them the batched "
        'check finds the same.',
    ),
    cfg.StrOpt(
        'heat_notifications_topic',
        default='magnum-heat',
        help="Topic of Heat's notifications that belongs to this installation of Magnum alone, "
        'which empties its queues. Heat must have it among the topics of its '
        '[oslo_messaging_notifications]. Every Magnum on the same message bus needs another.',
    ),
    cfg.StrOpt(
        'heat_notifications_transport_url',
        secret=True,
        help="Message bus that Heat's notifications arrive on, when it is not transport_url.",
    ),
    cfg.IntOpt(
        'retry_interval',
        default=10,
        min=0,
        mutable=True,
        help='Seconds before a step is tried again that met a passing fault of the cloud; '
        'doubled with every attempt, up to ten times as long.',
    ),
    cfg.IntOpt(
        'queue_limit',
        default=20,
        min=0,
        mutable=True,
        help='Changes that wait for their turn at one bay. Further ones are '
        'refused with the status 409; 0 refuses all while something goes on.',
    ),
    cfg.IntOpt(
        'operations_per_bay',
        default=10,
        min=1,
        mutable=True,
        help='Changes of different node groups of one bay that go on side by side; others '
        'wait for their turn. 1: one after the other, as earlier releases know it. It has to '
        'be 1 in all processes while one of such a release runs, too.',
    ),
    cfg.IntOpt(
        'service_down_time',
        default=180,
        min=1,
        help='Seconds after its last report when a conductor counts as down.',
    ),
    cfg.IntOpt(
        'history_time',
        default=30,
        min=0,
        mutable=True,
        help='Days that the operations and the events of a bay are kept after its delete.',
    ),
    cfg.StrOpt(
        'failpoint',
        advanced=True,
        help='For tests: kill this process with SIGKILL at a point of its work, written '
        '"before:<call>[:<n>]" or "after:<call>[:<n>]" for the n-th passing.',
    ),
]
