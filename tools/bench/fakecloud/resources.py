"""Nova, Neutron, Glance, Cinder and etcd's discovery: what baymodels name."""

import uuid
from typing import Any, Final

from tools.bench.fakecloud.http import Reply, Request
from tools.bench.fakecloud.world import World, version

#: Name of a flavor: (memory in MB, processors, disk in GB).
FLAVORS: Final = {
    'm1.tiny': (512, 1, 1),
    'm1.small': (2048, 1, 20),
    'm1.medium': (4096, 2, 40),
    'm1.large': (8192, 4, 80),
    'm1.xlarge': (16384, 8, 160),
}
#: Id of an image: (name, os_distro).
IMAGES: Final = {
    'b2b10a5e-0000-4000-8000-000000000001': ('fedora-coreos', 'fedora-coreos'),
    'b2b10a5e-0000-4000-8000-000000000002': ('ubuntu-24.04', 'ubuntu'),
    'b2b10a5e-0000-4000-8000-000000000003': ('debian-12', 'debian'),
}
EXTERNAL_NETWORK: Final = 'c0ffee00-0000-4000-8000-0000000000aa'
_NETWORK: Final = 'c0ffee00-0000-4000-8000-0000000000ba'
_SUBNET: Final = 'c0ffee00-0000-4000-8000-0000000000bb'
_NETWORKS: Final[dict[str, list[dict[str, Any]]]] = {
    'networks': [
        {'id': EXTERNAL_NETWORK, 'name': 'public', 'router:external': True, 'status': 'ACTIVE',
         'subnets': [], 'project_id': 'admin', 'shared': True},
        {'id': _NETWORK, 'name': 'private', 'router:external': False, 'status': 'ACTIVE',
         'subnets': [_SUBNET], 'project_id': 'admin', 'shared': True},
    ],
    'subnets': [
        {'id': _SUBNET, 'name': 'private-subnet', 'ip_version': 4, 'cidr': '10.20.0.0/24',
         'network_id': _NETWORK},
    ],
}
_PUBLIC_KEY: Final = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJlbmNoYmVuY2hiZW5jaGJlbmNo bench'


class Resources:
    """The services that only answer questions."""

    def __init__(self, world: World):
        self._base = world.base

    def nova(self, request: Request) -> Reply:
        """One request; its path begins with ``nova/v2.1``."""
        rest = request.path[2:]
        if not rest:
            found = version('v2.1', f'{self._base}/nova/v2.1/', version='2.95', min_version='2.1')
            return Reply('version', {'version': found})
        match rest:
            case ('flavors',) | ('flavors', 'detail'):
                return Reply('flavors', {'flavors': [_flavor(name) for name in FLAVORS]})
            case ('flavors', name) if name in FLAVORS:
                return Reply('flavor', {'flavor': _flavor(name)})
            case ('os-keypairs', name):
                key = {'name': name, 'public_key': _PUBLIC_KEY, 'fingerprint': 'aa:bb',
                       'user_id': 'bench', 'id': 1, 'deleted': False, 'type': 'ssh',
                       'created_at': '2026-01-01T00:00:00'}
                return Reply('keypair', {'keypair': key})
        return Reply('other', {'itemNotFound': {'code': 404, 'message': 'not found'}}, 404)

    def neutron(self, request: Request) -> Reply:
        """One request; its path begins with ``neutron``."""
        rest = tuple(part.removesuffix('.json') for part in request.path[2:])
        if not rest:
            found = version('v2.0', f'{self._base}/neutron/v2.0/')
            return Reply('version', {'versions': [found]})
        collection = _NETWORKS.get(rest[0])
        if collection is None:
            return Reply('other', {'NeutronError': {'message': 'not found'}}, 404)
        external = request.first('router:external')
        found_all = [
            item for item in collection
            if all(item[key] in request.query.get(key, [item[key]]) for key in ('id', 'name'))
            and external in (None, str(item.get('router:external')), str(
                item.get('router:external')).lower())
        ]
        if len(rest) == 1:
            return Reply(rest[0], {rest[0]: found_all})
        one = next(item for item in collection if item['id'] == rest[1])
        singular = rest[0].removesuffix('s')
        return Reply(singular, {singular: one})

    def glance(self, request: Request) -> Reply:
        """One request; its path begins with ``glance``."""
        match request.path[2:]:
            case ():
                found = version('v2.16', f'{self._base}/glance/v2/')
                return Reply('version', {'versions': [found]})
            case ('images',):
                names = request.query.get('name')
                found_all = [
                    _image(ident) for ident, (name, _) in IMAGES.items()
                    if names is None or name in names
                ]
                return Reply('images', {'images': found_all, 'schema': '/v2/schemas/images',
                                        'first': '/v2/images'})
            case ('images', ident) if ident in IMAGES:
                return Reply('image', _image(ident))
            case ('schemas', *_):
                text = {'type': 'string'}
                shown = ('id', 'name', 'os_distro', 'status')
                return Reply('schema', {'name': 'image', 'links': [],
                                        'properties': dict.fromkeys(shown, text),
                                        'additionalProperties': text})
        return Reply('other', {'message': 'not found'}, 404)

    def cinder(self, _request: Request) -> Reply:
        """Any request: there is one volume type."""
        kind = {'id': 'lvm', 'name': 'lvm', 'is_public': True, 'extra_specs': {},
                'description': None}
        return Reply('types', {'volume_types': [kind]})

    def discovery(self, request: Request) -> Reply:
        """etcd's discovery, by which nodes of old found each other."""
        if request.path[1:2] == ('new',):
            url = f'{self._base}/discovery/{uuid.uuid4().hex}'
            return Reply('new', url.encode(), headers={'Content-Type': 'text/plain'})
        return Reply('get', {'action': 'get', 'node': {'value': '1'}})


def _flavor(name: str) -> dict[str, Any]:
    memory, processors, disk = FLAVORS[name]
    return {
        'id': name, 'name': name, 'ram': memory, 'vcpus': processors, 'disk': disk, 'swap': '',
        'OS-FLV-EXT-DATA:ephemeral': 0, 'OS-FLV-DISABLED:disabled': False, 'rxtx_factor': 1.0,
        'os-flavor-access:is_public': True, 'links': [],
    }


def _image(ident: str) -> dict[str, Any]:
    name, distro = IMAGES[ident]
    return {
        'id': ident, 'name': name, 'os_distro': distro, 'status': 'active', 'protected': False,
        'visibility': 'public', 'container_format': 'bare', 'disk_format': 'qcow2', 'size': 1,
        'min_ram': 0, 'min_disk': 0, 'created_at': '2026-01-01T00:00:00Z',
        'updated_at': '2026-01-01T00:00:00Z', 'tags': [], 'self': f'/v2/images/{ident}',
        'file': f'/v2/images/{ident}/file', 'schema': '/v2/schemas/image', 'checksum': None,
        'owner': 'admin', 'virtual_size': None,
    }
