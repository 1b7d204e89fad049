"""What ``magnum`` says of projects and of the service itself."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.clients import record
from tests.functional.clients.record import DEFECT, covers
from tests.functional.clients.shell import RAN, Shell
from tests.functional.people import Person
from tools.devcloud import settings

LIMIT = '900'  # far from what tests need


class Services:
    @covers('service-list')
    def test_services(self, magnum_cli: Shell, admin_cli: Shell) -> None:
        hosts = {row['host']: row for row in admin_cli('service-list').rows}
        assert {hosts[name]['binary'] for name in ('east', 'west')} == {'magnum-conductor'}
        assert {hosts[name]['state'] for name in ('east', 'west')} == {'up'}
        assert "Policy doesn't allow magnum-service:get_all" in magnum_cli.refused('service-list')


class Stats:
    @covers('stats-list')
    def test_stats(self, magnum_cli: Shell, project_id: str) -> None:
        own = magnum_cli('stats-list').fields
        assert int(own['nodes']) >= int(own['clusters']) >= 1
        assert magnum_cli('stats-list', '--project-id', project_id).fields.keys() == own.keys()


class Quotas:
    @pytest.fixture(scope='class')
    @classmethod
    def another(cls, people: dict[str, Person]) -> str:
        """The id of a project of other people."""
        return str(people['carol'].keystone.get_project_id())

    @covers('quotas-create', 'quotas-list', 'quotas-show', 'quotas-update', 'quotas-delete')
    def test_quotas(
        self, magnum_cli: Shell, admin_cli: Shell, another: str, project_id: str
    ) -> None:
        of_it = ('--project-id', another, '--resource', 'Cluster')
        made = admin_cli('quotas-create', *of_it, '--hard-limit', LIMIT).fields
        assert (made['project_id'], made['resource'], made['hard_limit']) == (
            another, 'Cluster', LIMIT
        )
        listed = {row['project_id']: row for row in admin_cli('quotas-list', '--all-tenants').rows}
        assert listed[another]['hard_limit'] == LIMIT
        more = str(int(LIMIT) + 1)
        admin_cli('quotas-update', *of_it, '--hard-limit', more)
        assert admin_cli('quotas-show', *of_it).fields['hard_limit'] == more
        admin_cli('quotas-delete', *of_it)
        assert admin_cli('quotas-show', *of_it).fields['hard_limit'] == '1000', 'the default'

        own = magnum_cli('quotas-show', '--project-id', project_id, '--resource', 'Cluster')
        assert own.fields['hard_limit'] == '1000'
        assert "Policy doesn't allow quota:get" in magnum_cli.refused('quotas-show', *of_it)


class Clouds:
    """``clouds.yaml`` in place of the environment's variables."""

    @pytest.fixture
    def in_a_file(self, tmp_path: pathlib.Path) -> Callable[[str, Person], Shell]:
        """Makes a Shell whose person is in a file."""

        def of(client: str, person: Person) -> Shell:
            auth = {k.removeprefix('OS_').lower(): v for k, v in person.openrc.items()}
            kind = auth.pop('auth_type')
            common = {key: auth.pop(key) for key in ('region_name', 'interface')}
            version = auth.pop('identity_api_version')
            cloud = {'auth_type': kind, 'auth': auth, **common, 'identity_api_version': version}
            file = tmp_path / 'clouds.yaml'
            file.write_text(json.dumps({'clouds': {'mine': cloud}}))
            nobody = Person(person.name, {'OS_CLIENT_CONFIG_FILE': str(file)})
            return Shell(client, nobody)

        return of

    @covers('--os-cloud')
    def test_password(self, in_a_file: Any, client: str, alice: Person) -> None:
        mine = in_a_file(client, alice)
        assert mine('--os-cloud', 'mine', 'baymodel-list').code == 0

    @covers(
        '--os-cloud with an application credential', outcome=DEFECT,
        why='Whatever the cloud says, the program logs in with a password. '
        '``openstack coe`` takes application credentials.',
    )
    def test_application_credential(
        self, in_a_file: Any, client: str, people: dict[str, Person]
    ) -> None:
        mine = in_a_file(client, people[settings.APPLICATION_CREDENTIAL])
        said = mine.refused('--os-cloud', 'mine', 'baymodel-list')
        assert "unexpected keyword argument 'application_credential_id'" in said
        RAN.add((client, '--os-cloud with an application credential'))


class Completeness:
    """Everything that the program offers of bays, clusters and the like is covered."""

    KINDS = ('bay-', 'baymodel-', 'ca-', 'cluster-', 'quotas-', 'service-', 'stats-')

    def test_every_command_is_tested(
        self, magnum_cli: Shell, request: pytest.FixtureRequest
    ) -> None:
        offered = {c for c in magnum_cli.commands() if c.startswith(self.KINDS)}
        assert 'bay-create' in offered
        assert not record.untested(request.session.items, magnum_cli.client, offered)
