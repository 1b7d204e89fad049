"""Users of the development cloud, and the clients that they use."""

import configparser
import functools
import json
import os
import subprocess
from typing import Any

from keystoneauth1 import adapter, loading, session

from tests.functional.magnum_service import URL
from tools.devcloud import settings

_TIMEOUT = 180


class Person:
    """One account of the development cloud.

    :param name: of ``settings.OPENRC_NAMES``, or any other with ``openrc``.
    :param url: of the Magnum that is asked.
    """

    def __init__(self, name: str, openrc: dict[str, str] | None = None, url: str = URL):
        self.name = name
        self.url = url
        self.openrc = openrc or settings.openrc(name)

    # Magnum, by plain requests ----------------------------------------------
    @functools.cached_property
    def keystone(self) -> session.Session:
        values = {k.removeprefix('OS_').lower(): v for k, v in self.openrc.items()}
        kind = values.pop('auth_type', 'password')
        for unused in ('identity_api_version', 'region_name', 'interface'):
            values.pop(unused, None)
        return session.Session(loading.get_plugin_loader(kind).load_from_options(**values))

    @functools.cached_property
    def magnum(self) -> adapter.Adapter:
        return adapter.Adapter(
            self.keystone, endpoint_override=self.url, raise_exc=False,
            additional_headers={'OpenStack-API-Version': 'container-infra latest'},
        )

    def service(self, service_type: str) -> adapter.Adapter:
        return adapter.Adapter(
            self.keystone, service_type=service_type, interface='public',
            region_name=settings.REGION,
        )

    def get(self, path: str) -> dict[str, Any]:
        answer = self.magnum.get(path)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def create_baymodel(self, coe: str, **more: Any) -> str:
        answer = self.magnum.post('/clustertemplates', json={
            'name': f'{coe}-model', 'coe': coe, 'image_id': 'debian-12',
            'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
            'external_network_id': settings.EXTERNAL_NETWORK, **more,
        })
        assert answer.status_code == 201, answer.text
        return str(answer.json()['uuid'])

    def create_bay(self, baymodel: str, name: str, **more: Any) -> str:
        answer = self.magnum.post('/clusters', json={
            'name': name, 'cluster_template_id': baymodel, **more,
        })
        assert answer.status_code == 202, answer.text
        return str(answer.json()['uuid'])

    def bay(self, uuid: str) -> dict[str, Any] | None:
        answer = self.magnum.get(f'/clusters/{uuid}')
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def settled(self, uuid: str) -> dict[str, Any] | None:
        """The bay once nothing goes on; None before."""
        bay = self.bay(uuid)
        assert bay is not None, f'the bay {uuid} is gone'
        return None if bay['status'].endswith('IN_PROGRESS') else bay

    def is_gone(self, uuid: str) -> bool:
        """Whether a bay that was deleted is there no more."""
        bay = self.bay(uuid)
        assert bay is None or bay['status'] != 'DELETE_FAILED', bay
        return bay is None

    # The real clients ---------------------------------------------------------
    def run(self, client: str, *command: str, check: bool = True) -> str:
        """Run a program of a client environment; what it printed."""
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith('OS_')
        }
        done = subprocess.run(
            [str(settings.CLIENTS / client / 'bin' / command[0]), *command[1:]],
            env={**environment, **self.openrc, 'PYTHONWARNINGS': 'ignore'},
            capture_output=True, text=True, timeout=_TIMEOUT,
        )
        if check:
            assert done.returncode == 0, f'{command}: {done.stdout}\n{done.stderr}'
        return done.stdout + done.stderr

    def old(self, *command: str, check: bool = True) -> str:
        """``magnum ...`` of python-magnumclient 3.7.0, the last with bays."""
        return self.run(
            'magnumclient-3.7.0', 'magnum', '--bypass-url', self.url, *command, check=check
        )

    def new(self, *command: str) -> Any:
        """``openstack coe ...`` of python-magnumclient 5.0.0; its JSON."""
        text = self.run(
            'magnumclient-5.0.0', 'openstack', *command, '-f', 'json',
        )
        return json.loads(text[text.index(next(c for c in text if c in '[{')):])


def cloud_configuration(text: str) -> configparser.ConfigParser:
    """The file with which controllers of a bay use the cloud."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


def controller(text: str) -> Person:
    """Whoever has such a file."""
    told = cloud_configuration(text)['Global']
    return Person('a controller', {
        'OS_AUTH_URL': told['auth-url'],
        'OS_AUTH_TYPE': 'v3applicationcredential',
        'OS_APPLICATION_CREDENTIAL_ID': told['application-credential-id'],
        'OS_APPLICATION_CREDENTIAL_SECRET': told['application-credential-secret'],
    })


def is_accepted(person: Person) -> bool:
    """Whether Keystone takes a credential."""
    fresh = Person(person.name, person.openrc)
    answer = fresh.keystone.post(
        f'{settings.KEYSTONE_URL}/auth/tokens', authenticated=False, raise_exc=False,
        json={'auth': {'identity': {
            'methods': ['application_credential'],
            'application_credential': {
                'id': person.openrc['OS_APPLICATION_CREDENTIAL_ID'],
                'secret': person.openrc['OS_APPLICATION_CREDENTIAL_SECRET'],
            },
        }}},
    )
    assert answer.status_code in (201, 401, 404), answer.text
    return bool(answer.status_code == 201)
