"""[x509]"""

from oslo_config import cfg, types

GROUP = cfg.OptGroup('x509', title='What the authorities of bays sign')

#: Extensions that an operator may let users ask for.
EXTENSION_NAMES = (
    'authorityKeyIdentifier',
    'subjectKeyIdentifier',
    'authorityInfoAccess',
    'basicConstraints',
    'cRLDistributionPoints',
    'certificatePolicies',
    'extendedKeyUsage',
    'OCSPNoCheck',
    'inhibitAnyPolicy',
    'keyUsage',
    'nameConstraints',
    'subjectAltName',
    'issuerAltName',
)

#: Key usages that an operator may let users ask for.
KEY_USAGE_NAMES = (
    'Digital Signature',
    'Non Repudiation',
    'Key Encipherment',
    'Data Encipherment',
    'Key Agreement',
    'Certificate Sign',
    'CRL Sign',
    'Encipher Only',
    'Decipher Only',
)

# A reader's common name becomes a user's name inside the bay, so it must be the
# caller's own, and not that of a component, whatever the caller is called; the
# group is what the bay's roles are bound to.
_READER_RULE = (
    'reader: O=magnum:viewers, '
    'CN=(?!system:|magnum:|front-proxy|kube-|etcd)(?:{user_name}|{user_id})'
)

OPTIONS = [
    cfg.StrOpt(
        'key_type',
        default='ecdsa',
        choices=[('ecdsa', 'ECDSA on the curve P-256'), ('rsa', 'RSA of rsa_key_size bits')],
        help='Kind of the keys that the service makes: those of authorities and its own.',
    ),
    cfg.IntOpt(
        'rsa_key_size',
        default=2048,
        min=2048,
        max=8192,
        help='Bits of the RSA keys that the service makes.',
    ),
    cfg.IntOpt(
        'term_of_validity',
        default=1825,
        min=1,
        max=36500,
        help='Days that a certificate is valid. None outlives the authority that signed it.',
    ),
    cfg.FloatOpt(
        'node_term_of_validity',
        default=365.0,
        min=0.005,
        max=36500,
        help='Days that a certificate of a node is valid, at most term_of_validity. Nodes renew '
        'their certificates by themselves before the last quarter of this time begins. Nodes '
        'that were made by a release before, which do not, have them for term_of_validity.',
    ),
    cfg.BoolOpt(
        'allow_ca',
        default=False,
        help='Whether users may have certificates that sign other certificates.',
    ),
    cfg.ListOpt(
        'allowed_extensions',
        item_type=types.String(choices=EXTENSION_NAMES),
        default=[
            'keyUsage',
            'extendedKeyUsage',
            'subjectAltName',
            'basicConstraints',
            'subjectKeyIdentifier',
        ],
        help='Extensions that are copied from a signing request into the certificate. '
        'Others are left out, or, when critical, make the request refused.',
    ),
    cfg.ListOpt(
        'allowed_key_usage',
        item_type=types.String(choices=KEY_USAGE_NAMES),
        default=['Digital Signature', 'Key Encipherment', 'Non Repudiation'],
        help='Key usages that users may ask for. The two that sign certificates and '
        'revocation lists need allow_ca besides.',
    ),
    cfg.MultiStrOpt(
        'subject_rule',
        default=['admin: *', 'member: *', _READER_RULE],
        help='Which subjects a role may have signed; given once per rule. "<role>: *" allows '
        'every subject. "<role>: <attribute>=<regular expression>, ..." allows subjects that '
        'have all the named attributes (CN, O, OU, ...), no others, each value matching as a '
        'whole, in which {user_name} and {user_id} stand for the caller\'s own. User '
        'names are unique in their domain only: use {user_id} alone where users of several '
        'domains share a project. Such '
        'certificates are for clients only, and only for bays of Kubernetes, '
        'because the other engines ask nothing of a client but a certificate. One rule that '
        'allows is enough.',
    ),
    cfg.ListOpt(
        'token_groups',
        item_type=types.String(max_length=64),
        default=['system:masters', 'magnum:viewers'],
        help='Groups of Kubernetes that a user can be in who shows a bay a token of Keystone, '
        'where the label keystone_auth_enabled is true: of these he is in those of which '
        'subject_rule lets him have a certificate, with his own name or id as CN. Beside them '
        'he is in a group keystone:<role> for each of his roles.',
    ),
]
