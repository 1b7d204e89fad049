"""[bootstrap]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('bootstrap', title='What nodes ask for when they boot, and now and then')

OPTIONS = [
    cfg.BoolOpt(
        'enabled',
        default=True,
        help='Whether this API process serves nodes. An API that nodes cannot reach may go '
        'without, as long as another one serves them.',
    ),
    cfg.URIOpt(
        'endpoint',
        schemes=['http', 'https'],
        help='URL, ending in /v1/bootstrap, that is put into the user data of nodes. Default: '
        'the public endpoint of the service in the catalogue, and /bootstrap.',
    ),
    cfg.IntOpt(
        'trust_interval',
        default=300,
        min=1,
        help='Seconds after which a node asks again which certificate authorities to trust; '
        'each time a node waits up to a quarter longer. A rotation of a bay\'s authority waits for '
        'every node three times: up to 3.75 times these seconds, and while nodes restart what uses '
        'certificates. Put into the user data of new nodes.',
    ),
    cfg.IntOpt(
        'requests_per_minute',
        default=600,
        min=0,
        help='Requests without a good token or key that one source address (one /64 of IPv6) may '
        'send, and requests with one that the nodes of one bay may send, to one API process in a '
        'minute; 0: no limit. From an address beyond it, requests are served one at a time, '
        'because the nodes of a bay often share one address, that of their router, with others. '
        'Behind a proxy the address is that of the proxy, unless '
        '[oslo_middleware]enable_proxy_headers_parsing is set.',
    ),
]
