"""[keystone_auth], the service's own account, and how clouds are called."""

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = cfg.OptGroup('openstack_client', title="Calls to the cloud's services")

OPTIONS = [
    cfg.IntOpt(
        'timeout',
        default=15,
        min=1,
        help="Seconds after which a call to a cloud's service is given up, and made again "
        'later. Must be shorter than [conductor]lease: raise both where services need longer '
        'for an answer.',
    ),
    cfg.StrOpt('region_name', help='Region whose services are used.'),
    cfg.StrOpt(
        'interface',
        default='public',
        choices=('public', 'internal', 'admin'),
        help='Endpoints of the catalogue that the service itself calls.',
    ),
    cfg.StrOpt('cafile', help="Certificates that the cloud's services are verified with."),
    cfg.BoolOpt('insecure', default=False, help="Do not verify the cloud's certificates."),
]

#: Section of the service's own account (any keystoneauth plugin).
SERVICE_ACCOUNT = 'keystone_auth'


def service_account_options() -> list[cfg.Opt]:
    """Options of the plugin that most use, for the sample file."""
    plugin = loading.get_auth_plugin_conf_options('password')
    return [*loading.get_auth_common_conf_options(), *plugin]


def register_service_account(conf: cfg.ConfigOpts) -> None:
    """Options of the plugin that ``[keystone_auth]auth_type`` names."""
    loading.register_auth_conf_options(conf, SERVICE_ACCOUNT)
