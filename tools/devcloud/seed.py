"""Fill the fresh cloud (runs in the cloud's venv; safe to repeat).

python -m tools.devcloud.seed identity|resources
"""

import json
import os
import sys
from typing import Any

import openstack
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from openstack.connection import Connection

from tools.devcloud import configuration, settings

ROLES = (
    'admin',
    'service',
    'member',
    'reader',
    'creator',
    'load-balancer_member',
    'heat_stack_owner',
    'heat_stack_user',
)


def connect(name: str = 'admin', **more: str) -> Connection:
    """A connection as one of the accounts."""
    options = {key[3:].lower(): value for key, value in settings.openrc(name).items()}
    return openstack.connect(**{**options, **more})


class Identity:
    """Domains, projects, users and roles."""

    def __init__(self, cloud: Connection) -> None:
        self.api = cloud.identity
        self.roles = {name: self.ensure('role', name) for name in ROLES}

    def ensure(self, kind: str, name: str, **attributes: Any) -> Any:
        """Find one by name (and domain), or make it."""
        known = {'name': name}
        if 'domain_id' in attributes:
            known['domain_id'] = attributes['domain_id']
        found = next(iter(getattr(self.api, f'{kind}s')(**known)), None)
        return found or getattr(self.api, f'create_{kind}')(name=name, **attributes)

    def ensure_account(self, name: str, project: str, roles: tuple[str, ...]) -> None:
        """Make a user with roles on a project, and that project."""
        scope = self.ensure('project', project, domain_id='default')
        user = self.ensure(
            'user',
            name,
            domain_id='default',
            password=settings.PASSWORD,
            default_project_id=scope.id,
        )
        for role in roles:
            self.api.assign_project_role_to_user(scope, user, self.roles[role])

    def ensure_domain(self, name: str, administrator: str) -> None:
        """Make a domain for one service's users, and the user who makes those."""
        domain = self.ensure('domain', name)
        user = self.ensure('user', administrator, domain_id=domain.id, password=settings.PASSWORD)
        self.api.assign_domain_role_to_user(domain, user, self.roles['admin'])

    def ensure_catalogue(self) -> None:
        """Make the services and their endpoints."""
        endpoints = {(entry.service_id, entry.interface) for entry in self.api.endpoints()}
        for name, service in settings.CATALOGUE.items():
            entry = next(iter(self.api.services(type=service.type)), None)
            entry = entry or self.api.create_service(name=name, type=service.type)
            for interface in ('public', 'internal', 'admin'):
                if (entry.id, interface) not in endpoints:
                    self.api.create_endpoint(
                        service_id=entry.id,
                        interface=interface,
                        region_id=settings.REGION,
                        url=service.url,
                    )


def seed_identity() -> None:
    """All that other services need to start, and the accounts of people."""
    identity = Identity(connect())
    for project in configuration.PROJECTS:
        identity.ensure_account(project, 'service', ('admin', 'service'))
    for account in settings.ACCOUNTS_BY_NAME.values():
        identity.ensure_account(account.user, account.project, account.roles)
    identity.ensure_domain('heat', 'heat_domain_admin')
    identity.ensure_domain(settings.MAGNUM_DOMAIN, settings.MAGNUM_DOMAIN_ADMIN)
    identity.ensure_catalogue()
    _ensure_application_credential()


def _ensure_application_credential() -> None:
    """The secret is shown once, so a credential without it is made again."""
    path = settings.ACCOUNTS / f'{settings.APPLICATION_CREDENTIAL}.json'
    if path.exists():
        return
    cloud = connect('alice')
    owner = cloud.session.get_user_id()
    for old in cloud.identity.application_credentials(owner):
        cloud.identity.delete_application_credential(owner, old)
    made = cloud.identity.create_application_credential(owner, settings.APPLICATION_CREDENTIAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as file:
        json.dump({'id': made.id, 'secret': made.secret}, file)


def seed_resources() -> None:
    """What people and Octavia need of Glance, Nova and Neutron."""
    admin = connect()
    for name, distribution in settings.IMAGES.items():
        properties = {'os_distro': distribution} if distribution else {}
        _ensure_image(admin, name, visibility='public', **properties)
    for name, (vcpus, memory, disk) in settings.FLAVORS.items():
        if not admin.compute.find_flavor(name):
            admin.compute.create_flavor(name=name, vcpus=vcpus, ram=memory, disk=disk)
    _ensure_external_network(admin)
    for name, owner in settings.KEYPAIRS.items():
        _ensure_keypair(name, owner)
    _seed_octavia()


def _ensure_image(cloud: Connection, name: str, **attributes: object) -> None:
    if not cloud.image.find_image(name):
        cloud.image.create_image(
            name=name,
            disk_format='raw',
            container_format='bare',
            data=bytes(1024),
            allow_duplicates=True,
            **attributes,
        )


def _ensure_external_network(admin: Connection) -> None:
    name = settings.EXTERNAL_NETWORK
    network = admin.network.find_network(name)
    if not network:
        network = admin.network.create_network(
            name=name,
            is_router_external=True,
            provider_network_type='flat',
            provider_physical_network=name,
        )
    if not list(admin.network.subnets(network_id=network.id)):
        admin.network.create_subnet(
            name=name,
            network_id=network.id,
            cidr=str(settings.EXTERNAL_ADDRESSES),
            gateway_ip=str(settings.EXTERNAL_ADDRESSES[1]),
            allocation_pools=[{
                'start': str(settings.FLOATING_ADDRESSES[2]),
                'end': str(settings.FLOATING_ADDRESSES[-2]),
            }],
            ip_version=4,
            is_dhcp_enabled=False,
        )


def _ensure_keypair(name: str, owner: str) -> None:
    """A key pair of one user; the private half stays in the state directory."""
    cloud = connect(owner)
    if cloud.compute.find_keypair(name):
        return
    key = ed25519.Ed25519PrivateKey.generate()
    path = settings.ACCOUNTS / name
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'wb') as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
        )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    cloud.compute.create_keypair(name=name, public_key=public.decode())


def _seed_octavia() -> None:
    """Image, flavor and network of the amphorae."""
    cloud = connect('admin', username='octavia', project_name='service')
    _ensure_image(cloud, 'amphora', tags=['amphora'])
    if not cloud.compute.find_flavor('amphora'):
        cloud.compute.create_flavor(
            id='amphora', name='amphora', ram=64, vcpus=1, disk=1, is_public=False
        )
    network = cloud.network.find_network('amphora')
    if not network:
        network = cloud.network.create_network(name='amphora')
    if not list(cloud.network.subnets(network_id=network.id)):
        cloud.network.create_subnet(
            name='amphora', network_id=network.id, ip_version=4, cidr='192.168.0.0/16'
        )
    configuration.OCTAVIA_NETWORK.write_text(network.id)


if __name__ == '__main__':
    {'identity': seed_identity, 'resources': seed_resources}[sys.argv[1]]()
