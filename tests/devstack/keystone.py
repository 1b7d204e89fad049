"""devstack's functions that change Keystone, as a program: FUNCTION ARGUMENT...

Each finds what is there or makes it, and prints its id.
"""

import os
import pathlib
import sys
from typing import Any

import requests

_TOKEN = pathlib.Path(os.environ['DATA_DIR'], 'token')
_TIMEOUT = 60  # seconds


class Keystone:
    """Keystone, as the cloud's administrator."""

    def __init__(self) -> None:
        self._url = os.environ['KEYSTONE_SERVICE_URI']
        self._session = requests.Session()
        if _TOKEN.exists():
            self._session.headers['X-Auth-Token'] = _TOKEN.read_text()

    def _log_in(self) -> None:
        user: Any = {
            'name': 'admin', 'domain': {'name': 'Default'},
            'password': os.environ['ADMIN_PASSWORD'],
        }
        answer = self._session.post(f'{self._url}/auth/tokens', timeout=_TIMEOUT, json={'auth': {
            'identity': {'methods': ['password'], 'password': {'user': user}},
            'scope': {'project': {'name': 'admin', 'domain': {'name': 'Default'}}},
        }})
        answer.raise_for_status()
        token = answer.headers['X-Subject-Token']
        self._session.headers['X-Auth-Token'] = token
        _TOKEN.write_text(token)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one request; the document of the answer."""
        options['timeout'] = _TIMEOUT
        answer = self._session.request(method, self._url + path, **options)
        if answer.status_code == 401:
            self._log_in()
            answer = self._session.request(method, self._url + path, **options)
        if not answer.ok:
            sys.exit(f'{method} {path}: {answer.status_code} {answer.text}')
        return answer.json() if answer.content else None

    def find(self, kind: str, **query: str) -> Any:
        """The only one that fits, or None."""
        found = self.request('GET', f'/{kind}s', params=query)[f'{kind}s']
        if len(found) > 1:
            sys.exit(f'more than one {kind} of {query}')
        return found[0] if found else None

    def id(self, kind: str, name: str, **query: str) -> str:
        """The id of what must be there; by name, or by id."""
        found = self.find(kind, name=name, **query)
        if found is None:
            sys.exit(f'no {kind} {name}')
        return str(found['id'])

    def make(self, kind: str, **members: str) -> str:
        """The id of a new one."""
        return str(self.request('POST', f'/{kind}s', json={kind: members})[kind]['id'])

    # Each function of devstack -------------------------------------------------
    def get_or_create_domain(self, name: str, description: str) -> str:
        found = self.find('domain', name=name)
        return found['id'] if found else self.make('domain', name=name, description=description)

    def get_or_create_user(self, name: str, password: str, domain: str) -> str:
        domain_id = self.id('domain', domain)
        found = self.find('user', name=name, domain_id=domain_id)
        return found['id'] if found else self.make(
            'user', name=name, domain_id=domain_id, password=password
        )

    def get_or_add_user_project_role(
        self, role: str, user: str, project: str, user_domain: str = 'Default',
        project_domain: str = 'Default',
    ) -> str:
        user_id = self.id('user', user, domain_id=self.id('domain', user_domain))
        project_id = self.id('project', project, domain_id=self.id('domain', project_domain))
        role_id = self.id('role', role)
        self.request('PUT', f'/projects/{project_id}/users/{user_id}/roles/{role_id}')
        return role_id

    def get_or_add_user_domain_role(self, role: str, user: str, domain: str) -> str:
        # The user's domain is not asked for: its name has to be the only such one.
        user_id = self.id('user', user)
        role_id = self.id('role', role)
        domain_id = self.id('domain', domain)
        self.request('PUT', f'/domains/{domain_id}/users/{user_id}/roles/{role_id}')
        return role_id

    def get_or_create_service(self, name: str, service_type: str, description: str) -> str:
        found = self.find('service', type=service_type)
        return found['id'] if found else self.make(
            'service', name=name, type=service_type, description=description
        )

    def get_or_create_endpoint(
        self, service: str, region: str, public: str, admin: str = '', internal: str = ''
    ) -> str:
        found = self.find('service', type=service) or self.find('service', name=service)
        if found is None:
            sys.exit(f'no service {service}')
        ids = []
        for interface, url in (('public', public), ('admin', admin), ('internal', internal)):
            if url:
                known = self.find(
                    'endpoint', service_id=found['id'], interface=interface, region_id=region
                )
                ids.append(known['id'] if known else self.make(
                    'endpoint', service_id=found['id'], interface=interface, region_id=region,
                    url=url,
                ))
        return str(ids[0])


if __name__ == '__main__':
    print(getattr(Keystone(), sys.argv[1])(*sys.argv[2:]))
