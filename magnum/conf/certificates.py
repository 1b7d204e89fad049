"""[certificates]"""

from oslo_config import cfg

GROUP = cfg.OptGroup('certificates', title="Where bays' private keys are kept")

OPTIONS = [
    cfg.ListOpt(
        'encryption_keys',
        default=[],
        secret=True,
        help='Keys that seal the secrets kept in the database: base64 of 32 random bytes each '
        '(openssl rand -base64 32), newest first. The first one seals; every one of them opens, '
        'so a new key is put in front of the old ones. A key may go when nothing is sealed '
        'with it any more. All processes of the service need the same keys.',
    ),
    cfg.StrOpt(
        'encryption_key_file',
        help='A file with further such keys, one per line, newest first, after those of '
        'encryption_keys; empty lines and lines that begin with # do not count. It should be '
        'readable by the service only (mode 0600).',
    ),
]
