"""[DEFAULT]: this host and its folders."""

import socket

from oslo_config import cfg

GROUP = None

OPTIONS = [
    cfg.HostAddressOpt(
        'host',
        default=socket.gethostname(),
        sample_default='<host name>',
        help='Name of this host in the list of conductors and on the message bus. Each host needs '
        'one of its own.',
    ),
    cfg.StrOpt(
        'state_path',
        default='/var/lib/magnum',
        help='Folder of what the service keeps outside the database.',
    ),
]
