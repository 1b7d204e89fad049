"""All nodes of a bay, registered, with reports that are signed."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import webob
from oslo_config import cfg

from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.engine import Database
from magnum.domain.stack_names import nodegroup_stack_name, stack_name
from tests.fakes import bootstrap
from tests.fakes.driver import FakeDriver
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens
from tests.unit.certificates.reporting import WELL, Reporting

#: What masters know.
DIRECTIVES = 'admit check drain reencrypt remove retire snapshot upgrade'
_OF_ALL = ('Services', 'Node', 'Certificates')


class Reporters:
    """Nodes of a bay that an active operation of theirs builds, or that are there.

    :param group: name of the node group; None: the default ones.
    :param servers: ids of its workers by index; None: the lowest indexes, and no matter.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        database: Database,
        certificates: CertificateService,
        bay_uuid: str,
        group: str | None = None,
        servers: Mapping[str, str] | None = None,
    ):
        self.wake_up = NoWakeUp()
        app = bootstrap.make_app(
            conf, database.writing, database.reading, database.at_once, certificates,
            lambda *_: FakeDriver(), FakeServers(), self.wake_up, FakeTokens(),
        )
        with database.reading() as session:
            bay = session.scalars(sa.select(models.Bay).filter_by(uuid=bay_uuid)).one()
            groups = [
                one for one in session.scalars(
                    sa.select(models.Nodegroup).filter_by(bay_uuid=bay_uuid)
                )
                if (one.is_default if group is None else one.name == group)
            ]
            active = session.scalar(
                sa.select(models.Operation.uuid).where(models.Operation.active_for.in_(
                    [bay_uuid, *(one.uuid for one in groups)]
                ))
            )
        self._database = database
        self._app, self._bay_uuid = app, bay_uuid
        self._nodes: dict[str, Reporting] = {}
        ids: dict[str, str] = {}
        for one in groups:
            stack = (
                stack_name(bay.name, bay_uuid) if one.is_default
                else nodegroup_stack_name(bay.name, one.name, one.uuid)
            )
            role, word = ('master', 'master') if one.role == 'master' else ('worker', 'node')
            of_workers = servers if role == 'worker' else None
            for index in of_workers or range(one.node_count):
                name = f'{stack}-{word}-{index}'
                self._nodes[name] = Reporting(app, bay_uuid, name, role)
                ids[name] = (of_workers or {}).get(str(index), 'server')
        with database.writing() as session:
            for name, node in self._nodes.items():
                node.admit(session, active, ids[name])

    @property
    def names(self) -> list[str]:
        return list(self._nodes)

    @property
    def masters(self) -> list[str]:
        return [name for name, node in self._nodes.items() if node.role == 'master']

    @property
    def workers(self) -> list[str]:
        return [name for name, node in self._nodes.items() if node.role == 'worker']

    def send(self, name: str, **members: Any) -> webob.Response:
        """A report of a node that is well but for what is given."""
        node = self._nodes[name]
        of_role = ('ControlPlane',) if node.role == 'master' else ()
        conditions = {**dict.fromkeys((*_OF_ALL, *of_role), WELL), **members.get('conditions', {})}
        versions = {'directives': DIRECTIVES} if node.role == 'master' else {}
        return node.report(**{'versions': versions, **members, 'conditions': conditions})

    def report(self, *names: str, **members: Any) -> list[dict[str, Any]]:
        """Reports that are taken, of all or some; the directives of the answers."""
        given: list[dict[str, Any]] = []
        for name in names or self.names:
            answer = self.send(name, **members)
            assert answer.status_int == 200, answer.text
            given += answer.json['directives']
        return given

    def told(self) -> dict[str, dict[str, Any]]:
        """What masters are told, by name: one thing at a time."""
        told = {}
        for name in self.masters:
            for given in self.report(name):
                assert name not in told
                told[name] = given
        return told

    def join(self, name: str, operation: str) -> None:
        """A master registers that was not there before."""
        self._nodes.setdefault(name, Reporting(self._app, self._bay_uuid, name, 'master'))
        self.boot(name, operation)

    def forget(self, name: str) -> None:
        """A node is gone, and reports no more."""
        del self._nodes[name]

    def boot(self, name: str, operation: str, server: str = 'another') -> None:
        """Another server registers under the name of one that is gone."""
        with self._database.writing() as session:
            self._nodes[name].admit(session, operation, server)

    def result(self, name: str, directive: str, **members: Any) -> None:
        """What became of a directive."""
        answer = self._nodes[name].result(directive, **members)
        assert answer.status_int == 200, answer.text
