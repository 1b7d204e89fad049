"""Drive the cloud once around and time what it does (runs in its venv).

As plain members: a stack shaped like a cluster is created, signalled through
its pre-signed URL, updated and deleted; so is one with a load balancer, and a
server boots from a volume. The service account finds stacks of several projects
by their ids. A trust is made and used, a certificate goes through Barbican,
Heat's notifications are read.

    check [--nodes N] [--parallel N]
"""

import argparse
import contextlib
import functools
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import kombu
import openstack
from heatclient import exc as heat_exc
from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3

from tools.devcloud import settings
from tools.devcloud.seed import connect
from tools.devcloud.stacks import CheckError, Stack, heat, require, timed, unique

NOTHING = {
    'heat_template_version': 'rocky',
    'resources': {'nothing': {'type': 'OS::Heat::None'}},
}


FROM_VOLUME = {
    'heat_template_version': 'rocky',
    'resources': {
        'network': {'type': 'OS::Neutron::Net'},
        'subnet': {
            'type': 'OS::Neutron::Subnet',
            'properties': {'network': {'get_resource': 'network'}, 'cidr': '10.0.0.0/24'},
        },
        'port': {
            'type': 'OS::Neutron::Port',
            'depends_on': 'subnet',
            'properties': {'network': {'get_resource': 'network'}},
        },
        'volume': {
            'type': 'OS::Cinder::Volume',
            'properties': {'image': 'debian-12', 'size': 1},
        },
        'server': {
            'type': 'OS::Nova::Server',
            'properties': {
                'flavor': 'm1.nodisk',
                'networks': [{'port': {'get_resource': 'port'}}],
                'block_device_mapping_v2': [
                    {
                        'volume_id': {'get_resource': 'volume'},
                        'boot_index': 0,
                        'delete_on_termination': False,
                    }
                ],
            },
        },
    },
}


def check_boot_volume() -> None:
    """Boot a server from a volume that is made from an image."""
    with timed('server booted from a volume made from an image'):
        stack = Stack('alice', 'from-volume', FROM_VOLUME)
        stack.wait('CREATE')
    (volume,) = [find() for kind, find in stack.external() if kind == 'OS::Cinder::Volume']
    require(volume.is_bootable, f'the volume is not bootable: {volume}')
    require(len(volume.attachments) == 1, f'attachments: {volume.attachments}')
    with timed('server and its volume: deleted, nothing left'):
        stack.delete()


def check_cluster(nodes: int) -> None:
    """Create, signal, update and delete a stack shaped like a cluster."""
    with timed(f'cluster stack, {nodes} nodes: created, signalled by CFN'):
        stack = Stack('alice', 'cluster', 'cluster.yaml', key_name='alice-key', node_count=nodes)
        stack.wait('CREATE')
    with timed(f'cluster stack: updated by PATCH to {nodes + 1} nodes'):
        stack.patch(node_count=nodes + 1)
    kinds = [kind for kind, _ in stack.external()]
    require(kinds.count('OS::Nova::Server') == nodes + 1, f'servers: {kinds}')
    with timed('cluster stack: deleted, nothing left'):
        stack.delete()


def check_load_balancer() -> None:
    """Create and delete a load balancer with all its parts."""
    with timed('load balancer stack: created by a plain member'):
        stack = Stack('carol', 'balancer', 'loadbalancer.yaml')
        stack.wait('CREATE')
    with timed('load balancer stack: deleted, nothing left'):
        stack.delete()


def check_parallel(count: int) -> None:
    """Many cluster stacks at once."""
    with timed(f'{count} cluster stacks at once: created'):
        stacks = [
            Stack('alice', 'many', 'cluster.yaml', key_name='alice-key') for _ in range(count)
        ]
        _in_threads([functools.partial(stack.wait, 'CREATE') for stack in stacks])
    with timed(f'{count} cluster stacks at once: deleted, nothing left'):
        _in_threads([stack.delete for stack in stacks])


def _in_threads(jobs: list[Callable[[], None]]) -> None:
    errors: list[Exception] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def check_list_by_id() -> None:
    """A service with the role admin finds stacks of every project by id.

    Heat's list filters by project unless the token has the role admin, so
    no ``global_tenant`` is needed, which its policy denies to everybody.
    """
    stacks = [Stack(user, 'listed', NOTHING) for user in ('alice', 'carol')]
    ids = [stack.id for stack in stacks]
    for stack in stacks:
        stack.wait('CREATE')
    service = heat('magnum')
    with timed("service account lists two projects' stacks by id"):
        found = {entry.id: entry for entry in service.stacks.list(filters={'id': ids})}
    require(set(found) == set(ids), f'asked for {ids}, found {sorted(found)}')
    projects = {entry.project for entry in found.values()}
    require(len(projects) == 2, f'projects in the list: {projects}')
    seen = [entry.id for entry in heat('alice').stacks.list(filters={'id': ids})]
    require(seen == ids[:1], f'a member sees {seen}')
    try:
        list(service.stacks.list(global_tenant=True))
    except heat_exc.HTTPForbidden:
        pass
    else:
        raise CheckError('global_tenant is allowed')
    for stack in stacks:
        stack.delete()


# ------------------------------------------------------------- other services


def _as(**who: Any) -> openstack.connection.Connection:
    """The cloud as a user of whom no configuration tells."""
    auth = v3.Password(auth_url=settings.KEYSTONE_URL, password=settings.PASSWORD, **who)
    return openstack.connection.Connection(
        session=ks_session.Session(auth), region_name=settings.REGION
    )


def check_trust() -> None:
    """A user lets one of Magnum's domain act for it, as a Magnum would."""
    with timed('trust: made, used by a user of the magnum domain'):
        # Its token is scoped to the domain, where it has the role admin.
        keeper = _as(
            username=settings.MAGNUM_DOMAIN_ADMIN,
            user_domain_name=settings.MAGNUM_DOMAIN,
            domain_name=settings.MAGNUM_DOMAIN,
        )
        domain = keeper.session.auth.get_access(keeper.session).domain_id
        trustee = keeper.identity.create_user(
            name=unique('trustee'), domain_id=domain, password=settings.PASSWORD
        )
        alice = connect('alice')
        trust = alice.identity.create_trust(
            trustor_user_id=alice.session.get_user_id(),
            trustee_user_id=trustee.id,
            project_id=alice.session.get_project_id(),
            roles=[{'name': 'member'}],
            impersonation=True,
        )
        scoped = _as(user_id=trustee.id, trust_id=trust.id)
        require(
            scoped.session.get_user_id() == alice.session.get_user_id(),
            'the trust does not impersonate',
        )
        require(scoped.compute.find_keypair('alice-key'), 'no key pair seen')
        alice.identity.delete_trust(trust)
        keeper.identity.delete_user(trustee)


def check_certificates() -> None:
    """A certificate container and its parts, through Barbican and back."""
    with timed('certificate container through Barbican and back'):
        cloud = connect('magnum')
        manager = cloud.key_manager
        parts = {
            'certificate': ('certificate', '-----BEGIN CERTIFICATE-----'),
            'private_key': ('private', '-----BEGIN PRIVATE KEY-----'),
            'private_key_passphrase': ('passphrase', 'open sesame'),
        }
        references = {
            name: manager.create_secret(
                name=name,
                secret_type=kind,
                payload=text,
                payload_content_type='text/plain',
            ).secret_ref
            for name, (kind, text) in parts.items()
        }
        made = manager.create_container(
            name=unique('certificate'),
            type='certificate',
            secret_refs=[
                {'name': name, 'secret_ref': reference} for name, reference in references.items()
            ],
        )
        container = manager.get_container(made.container_ref.rpartition('/')[2])
        for entry in container.secret_refs:
            payload = cloud.session.get(
                entry['secret_ref'] + '/payload', headers={'Accept': 'text/plain'}
            ).text
            require(payload == parts[entry['name']][1], f'{entry["name"]}: {payload}')
        manager.delete_container(container)
        for reference in references.values():
            manager.delete_secret(reference.rpartition('/')[2])


def check_accounts() -> None:
    """See that accounts may do what their roles say."""
    with timed('accounts: a reader may not write, an application credential works'):
        try:
            heat('rita').stacks.create(stack_name=unique('rita'), template=NOTHING)
        except heat_exc.HTTPForbidden:
            pass
        else:
            raise CheckError('a reader may create stacks')
        images = connect(settings.APPLICATION_CREDENTIAL).image.images()
        names = {image.name for image in images}
        require(set(settings.IMAGES) <= names, f'images: {names}')


class Notifications(threading.Thread):
    """Counts what Heat publishes on its notifications topic."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[str] = []
        self.ready = threading.Event()

    def run(self) -> None:
        """Read the bus for ever."""
        url = settings.rabbitmq_url(settings.CLOUD_VHOST).replace('rabbit:', 'amqp:')
        queue = kombu.Queue(
            unique('notifications'),
            kombu.Exchange('heat', 'topic', durable=False),
            routing_key=f'{settings.HEAT_NOTIFICATIONS_TOPIC}.info',
            durable=False,
            auto_delete=True,
        )
        with (
            kombu.Connection(url) as connection,
            connection.Consumer(queue, callbacks=[self._got]),
        ):
            self.ready.set()
            while True:
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=2)

    def _got(self, body: dict[str, str] | str, message: kombu.Message) -> None:
        outer = json.loads(body) if isinstance(body, str) else body
        self.seen.append(json.loads(outer['oslo.message'])['event_type'])
        message.ack()

    def check(self) -> None:
        """See that every kind of notification came."""
        time.sleep(1)
        for kind in ('create.start', 'create.end', 'update.end', 'delete.end'):
            event = f'orchestration.stack.{kind}'
            require(event in self.seen, f'no notification {event}')
        print(f'{len(self.seen)} notifications of Heat read')


def main() -> int:
    """Run all checks, stop at the first that fails."""
    parser = argparse.ArgumentParser(
        prog='check', description='Drive the running cloud once around.'
    )
    parser.add_argument('--nodes', type=int, default=2, help='of the cluster stack')
    parser.add_argument('--parallel', type=int, default=0, help='also build so many stacks at once')
    arguments = parser.parse_args()
    notifications = Notifications()
    notifications.start()
    notifications.ready.wait(30)
    try:
        check_accounts()
        check_list_by_id()
        check_trust()
        check_certificates()
        check_cluster(arguments.nodes)
        check_load_balancer()
        check_boot_volume()
        if arguments.parallel:
            check_parallel(arguments.parallel)
        notifications.check()
    except CheckError as error:
        print(f'FAILED: {error}', file=sys.stderr)
        return 1
    print('all is well')
    return 0


if __name__ == '__main__':
    sys.exit(main())
