"""The configuration files of the OpenStack services."""

import base64
import hashlib
import os
import pathlib
import secrets
import shutil
import subprocess

from tools.common.errors import ToolError
from tools.devcloud import settings
from tools.devcloud.settings import (
    CATALOGUE,
    DATA,
    ETC,
    HEAT_NOTIFICATIONS_TOPIC,
    IP,
    KEYSTONE_URL,
    REGION,
)
from tools.devcloud.settings import service_options as account

PROJECTS = (
    'keystone',
    'glance',
    'placement',
    'nova',
    'neutron',
    'cinder',
    'barbican',
    'heat',
    'octavia',
)
DATABASES = (*PROJECTS, 'nova_api', 'nova_cell0')

# Written by the seed: the network on which Octavia boots its amphorae.
OCTAVIA_NETWORK = DATA / 'octavia' / 'network'
OCTAVIA_CA = DATA / 'octavia' / 'ca.pem'

Sections = dict[str, dict[str, object]]


def _secret(name: str) -> bytes:
    """32 bytes that stay the same, so that a restart can read old data."""
    return hashlib.sha256(f'devcloud {name}'.encode()).digest()


def database_url(name: str) -> str:
    """Say where one of ``DATABASES`` is."""
    return settings.mariadb_url(f'devcloud_{name}').replace('utf8mb4', 'utf8')


def _without(options: dict[str, str], *names: str) -> dict[str, str]:
    return {key: value for key, value in options.items() if key not in names}


class _Configuration:
    """All files while they are put together: project, section, option."""

    def __init__(self) -> None:
        self.files: dict[str, Sections] = {project: self._common(project) for project in PROJECTS}

    def set(self, project: str, section: str, /, **options: object) -> None:
        self.files[project].setdefault(section, {}).update(options)

    @staticmethod
    def _common(project: str) -> Sections:
        """The sections that most services share."""
        return {
            'DEFAULT': {
                'transport_url': settings.rabbitmq_url(settings.CLOUD_VHOST),
                'host': settings.HOSTNAME,
                'debug': 'false',
                # A loaded small machine answers late, but it answers.
                'rpc_response_timeout': 180,
            },
            'database': {
                'connection': database_url(project),
                'max_pool_size': 10,
                'max_overflow': 50,
            },
            'keystone_authtoken': {
                **account(project),
                'www_authenticate_uri': KEYSTONE_URL,
                'memcached_servers': settings.MEMCACHED,
                'service_token_roles': 'service',
                'service_token_roles_required': 'true',
                # Without it no application credential with access rules is taken.
                'service_type': CATALOGUE[project].type,
            },
            'oslo_concurrency': {'lock_path': settings.STATE / 'lock' / project},
            'oslo_messaging_notifications': {'driver': 'noop'},
            'oslo_messaging_rabbit': {'heartbeat_timeout_threshold': 0},
            'service_user': {**account(project), 'send_service_user_token': 'true'},
        }


def _keystone(conf: _Configuration) -> None:
    conf.files['keystone'] = {
        'DEFAULT': {'transport_url': settings.rabbitmq_url(settings.CLOUD_VHOST)},
        'database': conf.files['keystone']['database'],
        # Short, so that what relies on long tokens is found out early.
        'token': {'provider': 'fernet', 'expiration': 600},
        'fernet_tokens': {'key_repository': DATA / 'keystone/fernet'},
        'fernet_receipts': {'key_repository': DATA / 'keystone/receipts'},
        'credential': {'key_repository': DATA / 'keystone/credential'},
        'identity': {'password_hash_rounds': 4},
        'cache': {'enabled': 'true', 'backend': 'oslo_cache.dict'},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }


def _glance(conf: _Configuration) -> None:
    conf.set(
        'glance',
        'DEFAULT',
        enabled_backends='files:file',
        enabled_import_methods='[glance-direct]',
    )
    conf.set('glance', 'glance_store', default_backend='files')
    for section, directory in {
        'files': 'images',
        'os_glance_staging_store': 'staging',
        'os_glance_tasks_store': 'tasks',
    }.items():
        conf.set('glance', section, filesystem_store_datadir=DATA / 'glance' / directory)
    conf.set(
        'glance',
        'paste_deploy',
        flavor='keystone',
        config_file=settings.VENV / 'etc/glance/glance-api-paste.ini',
    )


def _placement(conf: _Configuration) -> None:
    files = conf.files['placement']
    files['placement_database'] = files.pop('database')


def _nova(conf: _Configuration) -> None:
    conf.set(
        'nova',
        'DEFAULT',
        my_ip=IP,
        state_path=DATA / 'nova',
        instances_path=DATA / 'nova/instances',
        compute_driver='devcloud.FakeDriver',
        vif_plugging_is_fatal='false',
        vif_plugging_timeout=0,
    )
    conf.set(
        'nova',
        'api_database',
        connection=database_url('nova_api'),
        max_pool_size=10,
        max_overflow=50,
    )
    conf.set('nova', 'placement', **account('nova'))
    conf.set('nova', 'neutron', **account('nova'))
    conf.set('nova', 'glance', region_name=REGION)
    conf.set('nova', 'cinder', os_region_name=REGION, **_without(account('nova'), 'region_name'))
    conf.set('nova', 'scheduler', workers=1)
    conf.set('nova', 'conductor', workers=1)
    conf.set('nova', 'vnc', enabled='false')
    limits = 'instances cores ram key_pairs server_groups server_group_members'
    conf.set('nova', 'quota', **dict.fromkeys(limits.split(), -1))
    # nova-compute must not touch the databases and logs errors if it could.
    conf.files['nova-cpu'] = {
        section: options
        for section, options in conf.files['nova'].items()
        if section not in ('database', 'api_database')
    }


def _neutron(conf: _Configuration) -> None:
    conf.set(
        'neutron',
        'DEFAULT',
        core_plugin='ml2',
        service_plugins='router',
        state_path=DATA / 'neutron',
        dhcp_agent_notification='false',
        api_paste_config=settings.VENV / 'etc/neutron/api-paste.ini',
        notify_nova_on_port_status_changes='true',
        notify_nova_on_port_data_changes='true',
    )
    conf.set('neutron', 'nova', **account('neutron'))
    conf.set('neutron', 'placement', **account('neutron'))
    conf.set(
        'neutron',
        'ml2',
        type_drivers='flat,local,vlan,vxlan',
        tenant_network_types='vxlan',
        mechanism_drivers='bind_anything',
        extension_drivers='port_security',
    )
    conf.set('neutron', 'ml2_type_vxlan', vni_ranges='1:10000')
    conf.set('neutron', 'ml2_type_flat', flat_networks='*')
    kinds = 'network subnet port router floatingip security_group security_group_rule'
    conf.set(
        'neutron',
        'quotas',
        default_quota=-1,
        **{f'quota_{kind}': -1 for kind in kinds.split()},
    )


def _cinder(conf: _Configuration) -> None:
    paste = settings.VENV / 'etc/cinder'
    conf.set(
        'cinder',
        'DEFAULT',
        my_ip=IP,
        state_path=DATA / 'cinder',
        enabled_backends='fake',
        default_volume_type='__DEFAULT__',
        api_paste_config=paste / 'api-paste.ini',
        resource_query_filters_file=paste / 'resource_filters.json',
        image_conversion_dir=DATA / 'cinder/conversion',
        glance_api_servers=CATALOGUE['glance'].url,
        # The scheduler knows no backend until cinder-volume reports; the
        # defaults may leave it without one for two minutes after a start.
        periodic_interval=5,
        periodic_fuzzy_delay=0,
        backend_stats_polling_interval=5,
        **{f'quota_{kind}': -1 for kind in ('volumes', 'snapshots', 'gigabytes')},
    )
    conf.set(
        'cinder',
        'fake',
        volume_backend_name='fake',
        volume_driver='devcloud_cinder.FakeVolumeDriver',
    )
    conf.set('cinder', 'nova', **account('cinder'))


def _barbican(conf: _Configuration) -> None:
    conf.set(
        'barbican',
        'DEFAULT',
        host_href=CATALOGUE['barbican'].url,
        db_auto_create='false',
    )
    conf.set('barbican', 'secretstore', enabled_secretstore_plugins='store_crypto')
    conf.set('barbican', 'crypto', enabled_crypto_plugins='simple_crypto')
    conf.set(
        'barbican',
        'simple_crypto_plugin',
        kek=base64.b64encode(_secret('barbican kek')).decode(),
    )
    conf.set('barbican', 'queue', enable='false')


def _heat(conf: _Configuration) -> None:
    cfn = CATALOGUE['heat-cfn'].url
    conf.set(
        'heat',
        'DEFAULT',
        # One process, in which each stack's and resource's work is a thread.
        num_engine_workers=1,
        convergence_engine='true',
        client_retry_limit=5,
        max_resources_per_stack=-1,
        max_stacks_per_tenant=-1,
        heat_metadata_server_url=cfn.removesuffix('/v1'),
        heat_waitcondition_server_url=f'{cfn}/waitcondition',
        region_name_for_services=REGION,
        auth_encryption_key=_secret('heat').hex()[:32],
        stack_user_domain_name='heat',
        stack_domain_admin='heat_domain_admin',
        stack_domain_admin_password=settings.PASSWORD,
        deferred_auth_method='trusts',
        # Without this a stack fails when its making outlives the token that
        # asked for it.
        reauthentication_auth_method='trusts',
        environment_dir=settings.VENV / 'etc/heat/environment.d',
        template_dir=settings.VENV / 'etc/heat/templates',
        plugin_dirs='',
    )
    conf.set('heat', 'database', max_pool_size=20, max_overflow=100)
    conf.set(
        'heat',
        'paste_deploy',
        api_paste_config=settings.VENV / 'etc/heat/api-paste.ini',
    )
    conf.set(
        'heat',
        'trustee',
        **_without(account('heat'), 'project_name', 'project_domain_name', 'region_name'),
    )
    conf.set('heat', 'clients_keystone', auth_uri=KEYSTONE_URL)
    # The CFN API asks Keystone to check the signature of a pre-signed URL.
    # Only a service may ask, and it appends the version to the endpoint
    # itself, which the catalogue's URL has already.
    conf.set(
        'heat',
        'ec2authtoken',
        endpoint_override=KEYSTONE_URL.removesuffix('/v3'),
        **account('heat'),
    )
    conf.set(
        'heat',
        'oslo_messaging_notifications',
        driver='messagingv2',
        topics=HEAT_NOTIFICATIONS_TOPIC,
    )


def _octavia(conf: _Configuration) -> None:
    # Load balancers boot amphorae in the fake Nova and own real Neutron ports;
    # only the agent inside the amphora is replaced, by Octavia's no-op driver.
    network = OCTAVIA_NETWORK.read_text() if OCTAVIA_NETWORK.exists() else ''
    conf.set(
        'octavia',
        'api_settings',
        auth_strategy='keystone',
        bind_host=IP,
        enabled_provider_drivers='amphora:no-op amphorae,octavia:the same',
        default_provider_driver='amphora',
    )
    for section in ('service_auth', 'nova', 'neutron', 'glance', 'cinder'):
        conf.set('octavia', section, **account('octavia'))
    conf.set(
        'octavia',
        'controller_worker',
        workers=1,
        amphora_driver='amphora_noop_driver',
        compute_driver='compute_nova_driver',
        network_driver='allowed_address_pairs_driver',
        image_driver='image_glance_driver',
        volume_driver='volume_noop_driver',
        amp_image_tag='amphora',
        amp_flavor_id='amphora',
        amp_boot_network_list=network,
        amp_active_wait_sec=1,
        loadbalancer_topology='SINGLE',
        client_ca=OCTAVIA_CA,
    )
    conf.set(
        'octavia',
        'certificates',
        ca_certificate=OCTAVIA_CA,
        ca_private_key=OCTAVIA_CA,
        cert_manager='barbican_cert_manager',
    )
    conf.set('octavia', 'oslo_messaging', topic='octavia_prov')
    conf.set('octavia', 'oslo_policy', policy_file=ETC / 'octavia/policy.yaml')


def conf_file(project: str) -> pathlib.Path:
    """The main configuration file of a project."""
    name = {'glance': 'glance-api'}.get(project, project)
    return ETC / project / f'{name}.conf'


def write_all() -> None:
    """Write every configuration file, and make the directories they name."""
    conf = _Configuration()
    for describe in (
        _keystone,
        _glance,
        _placement,
        _nova,
        _neutron,
        _cinder,
        _barbican,
        _heat,
        _octavia,
    ):
        describe(conf)
    for project, sections in conf.files.items():
        path = conf_file(project)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            ''.join(
                f'[{section}]\n'
                + ''.join(f'{key} = {value}\n' for key, value in options.items())
                + '\n'
                for section, options in sections.items()
            )
        )
        # Services that know no other way find their file under $HOME.
        link = settings.HOME / f'.{project}'
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(path.parent)
        (settings.STATE / 'lock' / project).mkdir(parents=True, exist_ok=True)
    for directory in (
        'keystone/fernet',
        'keystone/credential',
        'keystone/receipts',
        'glance/images',
        'glance/staging',
        'glance/tasks',
        'nova/instances',
        'neutron',
        'cinder/conversion',
        'octavia',
    ):
        (DATA / directory).mkdir(parents=True, exist_ok=True)
    # Nova looks for this file only beside its configuration file.
    shutil.copy(settings.VENV / 'etc/nova/api-paste.ini', ETC / 'nova')
    _let_members_have_load_balancers()
    _make_octavia_ca()
    _make_encryption_key()


def _let_members_have_load_balancers() -> None:
    own = 'project_id:%(project_id)s or role:admin'
    (ETC / 'octavia/policy.yaml').write_text(
        f'"load-balancer:read": "role:reader and {own}"\n'
        f'"load-balancer:write": "role:member and {own}"\n'
        '"load-balancer:admin": "role:admin"\n'
    )


def _make_octavia_ca() -> None:
    """A self-signed certificate and its key in one file."""
    if OCTAVIA_CA.exists():
        return
    certificate = OCTAVIA_CA.with_suffix('.crt')
    key = OCTAVIA_CA.with_suffix('.key')
    command = 'openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=devcloud'
    result = subprocess.run(
        [*command.split(), '-keyout', key, '-out', certificate],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise ToolError(f'openssl failed: {result.stderr}')
    OCTAVIA_CA.write_text(key.read_text() + certificate.read_text())


def _make_encryption_key() -> None:
    path = settings.ENCRYPTION_KEY
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as key:
        key.write(base64.b64encode(secrets.token_bytes(32)).decode() + '\n')
