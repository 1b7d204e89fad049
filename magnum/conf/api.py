"""[api]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('api', title='The HTTP API')

OPTIONS = [
    cfg.HostAddressOpt('host', default='127.0.0.1', help='Address that magnum-api listens on.'),
    cfg.PortOpt('port', default=9511, help='Port that magnum-api listens on.'),
    cfg.IntOpt(
        'workers',
        min=1,
        help='Processes of magnum-api; by default as many as the host has processors.',
    ),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        help='Threads of each process of magnum-api that answer requests. None of them waits '
        'for a client that has not sent its whole request.',
    ),
    cfg.IntOpt(
        'connections',
        default=500,
        min=1,
        help='Most connections that one process of magnum-api holds. For one more, the one is '
        'closed that has waited longest for its client.',
    ),
    cfg.IntOpt(
        'request_time',
        default=30,
        min=1,
        help='Seconds within which a request has to come to magnum-api, headers and body; its '
        'connection is closed otherwise.',
    ),
    cfg.IntOpt(
        'max_header_size',
        default=32768,
        min=1024,
        help='Most bytes that the headers of a request to magnum-api may have. Bodies are '
        'bounded by [oslo_middleware]max_request_body_size.',
    ),
    cfg.BoolOpt('enabled_ssl', default=False, help='Serve HTTPS instead of HTTP.'),
    cfg.StrOpt('ssl_cert_file', help='Certificate (PEM, with its chain) of the HTTPS server.'),
    cfg.StrOpt('ssl_key_file', help='Private key (PEM) of the HTTPS server.'),
    cfg.IntOpt(
        'trusted_proxies',
        default=1,
        min=1,
        help='How many proxies stand in a row before magnum-api. With '
        '[oslo_middleware]enable_proxy_headers_parsing, of every list that they append to the '
        'last entries, as many as there are proxies, are believed; what comes before them was '
        'sent by the client.',
    ),
    cfg.StrOpt(
        'proxy_headers',
        default='x-forwarded',
        choices=[
            ('x-forwarded',
             'X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Prefix'),
            ('forwarded', 'Forwarded, as RFC 7239 has it'),
        ],
        help='The headers that these proxies write. The others are ignored, because a proxy '
        'passes them on as a client sent them. Of those named here a proxy has to set or '
        'remove every one.',
    ),
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=1,
        help='Most items that one page of a list holds, and how many it holds when the client '
        'names no limit.',
    ),
    cfg.FloatOpt(
        'synchronous_create_wait',
        default=10.0,
        min=0,
        help='Seconds that POST /v1/bays at microversion 1.1 waits for Heat to accept the '
        'stack before it answers. The bay is built all the same.',
    ),
    cfg.IntOpt(
        'synchronous_creates',
        default=4,
        min=0,
        help='How many such requests one process of magnum-api lets wait at a time; each of '
        'them holds a thread. Those beyond it are answered at once.',
    ),
    cfg.IntOpt(
        'synchronous_creates_per_project',
        default=2,
        min=0,
        help='How many of them may be of one project.',
    ),
    cfg.IntOpt(
        'lookup_cache_time',
        default=10,
        min=0,
        help="Seconds that images, flavors and networks of the caller's project, and the "
        "caller's key pairs, are remembered between requests; 0 looks each of them up "
        'every time.',
    ),
    cfg.IntOpt(
        'lookup_timeout',
        default=20,
        min=1,
        help='Seconds after which a look-up in Glance, Nova or Neutron is given up while a '
        'request waits for it; the client then gets 503.',
    ),
    cfg.IntOpt(
        'idempotency_key_lifetime',
        default=24,
        min=1,
        help='Hours that the answer to a POST with an Idempotency-Key is kept, for the request '
        'to be sent again.',
    ),
    cfg.IntOpt(
        'event_streams',
        default=4,
        min=0,
        help='How many event streams one process of magnum-api serves at a time; each of them '
        'holds a thread, and one of its threads is never theirs. Clients beyond it get 503 and '
        'are told when to come back.',
    ),
    cfg.IntOpt(
        'event_streams_per_project',
        default=2,
        min=0,
        help="How many event streams one process of magnum-api serves to one project's users "
        'at a time.',
    ),
    cfg.IntOpt(
        'event_stream_time',
        default=60,
        min=1,
        help='Seconds after which an event stream ends; clients resume it.',
    ),
]
