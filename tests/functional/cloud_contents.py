"""What the cloud holds, seen by its administrator: to find debris."""

from typing import Any

from tests.functional.people import Person


class Contents:
    """Everything of one project that a bay could leave behind."""

    def __init__(self, admin: Person, project_id: str):
        self._admin = admin
        self._project = project_id

    def snapshot(self) -> dict[str, set[str]]:
        """Ids of what there is, by kind."""
        network = self._admin.service('network')
        compute = self._admin.service('compute')
        volume = self._admin.service('block-storage')
        mine = {'project_id': self._project}
        found = {
            kind: self._ids(network.get(f'/v2.0/{kind}', params=mine).json()[kind])
            for kind in ('networks', 'subnets', 'ports', 'routers', 'floatingips')
        }
        found['security_groups'] = self._ids([
            group for group in network.get('/v2.0/security-groups', params=mine).json()[
                'security_groups'
            ] if group['name'] != 'default'
        ])
        found['servers'] = self._ids(
            compute.get('/servers', params={'all_tenants': 1, **mine}).json()['servers']
        )
        found['volumes'] = self._ids(
            volume.get('/volumes', params={'all_tenants': 1, **mine}).json()['volumes']
        )
        found['balancers'] = self._ids(
            self._admin.service('load-balancer').get(
                '/v2/lbaas/loadbalancers', params=mine
            ).json()['loadbalancers']
        )
        found['bay users'] = self.bay_users()
        return found

    def bay_users(self) -> set[str]:
        """Users of the bays' domain, without its administrator."""
        identity = self._admin.service('identity')
        domain = identity.get('/domains', params={'name': 'magnum'}).json()['domains'][0]['id']
        users = identity.get('/users', params={'domain_id': domain}).json()['users']
        return {user['id'] for user in users if user['name'].endswith(self._project)}

    @staticmethod
    def _ids(rows: list[dict[str, Any]]) -> set[str]:
        return {row['id'] for row in rows}
