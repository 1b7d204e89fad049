"""A conductor's parts, turned by hand, over a real database and a fake cloud."""

import base64
import contextlib
import dataclasses
import datetime
import itertools
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from magnum import conf as magnum_conf
from magnum.certificates.sealing import Sealer
from magnum.certificates.service import CertificateService
from magnum.clients import failpoints
from magnum.db import models
from magnum.db.engine import Database
from magnum.db.repositories import locking
from magnum.domain import states
from magnum.operations.accept import (
    cancel,
    create,
    create_nodegroup,
    delete,
    delete_nodegroup,
    resize,
    resize_masters,
    retry,
    rotate_ca,
    rotate_credential,
    upgrade,
)
from magnum.operations.accept.requester import Requester
from magnum.operations.claims import Claims
from magnum.operations.runner import Runner
from magnum.operations.watcher import Watcher
from magnum.operations.work import Tools
from tests import databases
from tests.fakes.cloud import (
    FakeApplicationCredentialsClients,
    FakeCloud,
    FakeHeats,
    FakeKeystone,
)
from tests.fakes.driver import FakeRegistry
from tests.fakes.reporters import Reporters
from tests.fakes.resources import FakeProjectResourcesClients

#: SQLite has no connection that breaks.
collect_ignore = [] if databases.is_remote() else ['test_lost_commits.py']

REQUESTER = Requester('alice', 'demo', ('member', 'reader'), 'req-1')


#: What accepts something about a bay that there is, by verb.
ACCEPT: dict[str, Callable[..., models.Operation | None]] = {
    states.RESIZE: resize.accept,
    states.RESIZE_MASTERS: resize_masters.accept,
    states.UPGRADE: upgrade.accept,
    states.CREATE_NODEGROUP: create_nodegroup.accept,
    states.DELETE_NODEGROUP: delete_nodegroup.accept,
    states.ROTATE_CREDENTIAL: rotate_credential.accept,
    states.ROTATE_CA: rotate_ca.accept,
    states.DELETE: delete.accept,
}


class Killed(BaseException):
    """The process died here."""


def mortal_claims(
    claims: Claims, position: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """Have a worker die when its claims open a transaction, by its position from 1.

    :returns: the positions that come.
    """
    transactions = itertools.count(1)

    def mortal(opened: Any) -> Any:
        def begin(*claimed: Any, **more: Any) -> Any:
            if next(transactions) == position:
                raise Killed
            return opened(*claimed, **more)

        return begin

    for name in ('writing', 'fenced', 'renewed'):
        monkeypatch.setattr(claims, name, mortal(getattr(claims, name)))
    return transactions


def error_of(operation: models.Operation) -> dict[str, Any]:
    """The failure of an operation that has one."""
    assert operation.error is not None
    return operation.error

#: Verbs of what is about the whole bay.
OF_BAYS = (
    states.UPGRADE, states.RESIZE_MASTERS, states.ROTATE_CA, states.ROTATE_CREDENTIAL,
)


@dataclasses.dataclass
class World:
    conf: Any
    database: Database
    cloud: FakeCloud
    tools: Tools

    def worker(
        self, name: str = 'w1', lease: int = 120, client_timeout: int = 60
    ) -> 'HandTurned':
        claims = Claims(self.database, name, lease, client_timeout)
        return HandTurned(self, claims, Runner(self.tools, claims))

    def create(self, **values: Any) -> str:
        def work(session: Any) -> str:
            baymodel = models.Baymodel(
                name='m', coe='kubernetes', image_id='debian', cluster_distro='debian',
                project_id='demo', network_driver='flannel', external_network_id='public',
                labels=dict(values.get('labels', {})),
            )
            session.add(baymodel)
            session.flush()
            bay = models.Bay(
                name=values.pop('name', 'b'), baymodel_id=baymodel.uuid, project_id='demo',
                user_id='alice', driver='kubernetes', flavor_id='m1', master_flavor_id='m1',
                **values,
            )
            groups = [
                models.Nodegroup(name='default-master', role='master', is_default=True,
                                 node_count=1, flavor_id='m1', image_id='debian'),
                models.Nodegroup(name='default-worker', role='worker', is_default=True,
                                 node_count=1, flavor_id='m1', image_id='debian'),
            ]
            for group in groups:
                group.labels = bay.labels or {}
            create.accept(self.conf, session, bay, groups, REQUESTER)
            return str(bay.uuid)

        return self.database.run(work)

    def built(self, workers: int) -> str:
        """A bay called ``bay`` of a master and that many workers, by its uuid."""
        uuid = self.create(name='bay')
        self.build(uuid)
        self.ask('resize', uuid, workers)
        self.build(uuid)
        return uuid

    def ask(self, verb: str, uuid: str, *args: Any, **more: Any) -> Any:
        """Accept something about a bay, in a request's transaction."""

        def work(session: Any) -> Any:
            bay = locking.lock_bay(session, uuid)
            return ACCEPT[verb](
                self.conf, session, bay, *args, requester=REQUESTER, **more
            )

        return self.database.run(work)

    def about(self, action: str, operation: models.Operation) -> models.Operation:
        """Accept something about an operation: ``cancel`` or ``retry``."""

        def work(session: Any) -> models.Operation:
            if action == 'cancel':
                return cancel.accept(self.conf, session, operation.uuid, REQUESTER)
            assert action == 'retry'
            return retry.accept(self.conf, session, operation.uuid, REQUESTER)

        return self.database.run(work)

    def add_nodegroup(self, uuid: str, name: str = 'gpu', **values: Any) -> models.Operation:
        group = {
            'name': name, 'role': 'gpu', 'node_count': 2, 'flavor_id': 'm1',
            'image_id': 'debian', 'labels': {}, **values,
        }
        made: models.Operation = self.ask('create_nodegroup', uuid, models.Nodegroup(**group))
        return made

    def new_baymodel(self, **values: Any) -> models.Baymodel:
        """Like that of the bays, but for these values."""
        columns = {
            'name': 'new', 'coe': 'kubernetes', 'image_id': 'debian-13',
            'cluster_distro': 'debian', 'project_id': 'demo', 'network_driver': 'flannel',
            'external_network_id': 'public', 'labels': {}, **values,
        }
        with self.database.writing() as session:
            baymodel = models.Baymodel(**columns)
            session.add(baymodel)
        return baymodel

    def nodegroup(self, name: str) -> models.Nodegroup:
        (found,) = self.rows(models.Nodegroup, name=name)
        group: models.Nodegroup = found
        return group

    def nodegroup_of(self, uuid: str) -> models.Nodegroup:
        """The bay's default workers."""
        (found,) = self.rows(models.Nodegroup, bay_uuid=uuid, name='default-worker')
        group: models.Nodegroup = found
        return group

    def statuses(self, uuid: str) -> dict[str, str | None]:
        """The bay's status, as ``bay``, and its node groups'."""
        bay = self.bay(uuid).status if self.has_bay(uuid) else None
        groups = self.rows(models.Nodegroup, bay_uuid=uuid)
        return {'bay': bay, **{group.name: group.status for group in groups}}

    def stack(self, name: str) -> dict[str, Any]:
        """The living stack whose name has this in it."""
        # Ids are random, and have no hyphen: one may have a group's name in it.
        (found,) = (
            stack for stack in self.cloud.living()
            if f'-{name}-' in f'-{stack["name"]}-'
        )
        return found

    def has_bay(self, uuid: str) -> bool:
        with self.database.reading() as session:
            return bool(session.scalars(sa.select(models.Bay.id).filter_by(uuid=uuid)).all())

    def bay(self, uuid: str) -> models.Bay:
        with self.database.reading() as session:
            return session.scalars(sa.select(models.Bay).filter_by(uuid=uuid)).one()

    def ask_of_bay(self, verb: str, uuid: str) -> models.Operation:
        """Ask for something of :data:`OF_BAYS`."""
        arguments: list[Any] = [3] if verb == states.RESIZE_MASTERS else []
        if verb == states.UPGRADE:
            arguments = [self.new_baymodel()]
        asked: models.Operation = self.ask(verb, uuid, *arguments)
        return asked

    def history(self, uuid: str) -> list[tuple[str, str]]:
        """Verbs and states of what was asked of a bay, but for its creation."""
        return [(one.verb, one.state) for one in self.operations(uuid)[1:]]

    def operations(self, uuid: str) -> list[models.Operation]:
        with self.database.reading() as session:
            return list(
                session.scalars(
                    sa.select(models.Operation).filter_by(bay_uuid=uuid)
                    .order_by(models.Operation.id)
                )
            )

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """In the order of their keys: PostgreSQL has none of its own."""
        with self.database.reading() as session:
            return list(session.scalars(
                sa.select(table).filter_by(**where).order_by(*sa.inspect(table).primary_key)
            ))

    def pass_time(self, seconds: float) -> None:
        """Everything that is to happen then is due that much earlier."""
        ago = datetime.timedelta(seconds=seconds)
        with self.database.writing() as session:
            for operation in session.scalars(sa.select(models.Operation)):
                for name in (
                    'not_before', 'lease_expires_at', 'deadline', 'created_at', 'started_at',
                    'finished_at',
                ):
                    value = getattr(operation, name)
                    if value is not None:
                        setattr(operation, name, value - ago)

    def go_on_soon(self) -> None:
        """A conductor does what is due in some seconds."""
        self.pass_time(10)
        self.worker().turn()

    def build(self, uuid: str) -> None:
        """Turn the crank until nothing moves."""
        worker = self.worker()
        for _ in range(20):
            worker.go_on()
            if self.operations(uuid)[-1].state in states.ENDED:
                break
        worker.turn()

    def build_all(self, uuid: str) -> None:
        """As ``build``, until nothing waits for its turn either."""
        for _ in range(30):
            self.build(uuid)
            if all(one.state in states.ENDED for one in self.operations(uuid)):
                return

    def again(self, operation: models.Operation) -> models.Operation:
        """An operation as it is now."""
        (found,) = self.rows(models.Operation, uuid=operation.uuid)
        row: models.Operation = found
        return row

    def fail(self, reason: str = 'No valid host was found') -> None:
        """A worker asks Heat, which fails; the worker sees it."""
        worker = self.worker()
        for _ in range(5):
            worker.turn()
            if self.rows(models.Operation, state=states.WAITING):
                break
            self.cloud.settle()      # what goes before, as the end of a former attempt
            self.pass_time(30)
        self.cloud.settle('FAILED', reason)
        self.pass_time(30)
        worker.watch()
        worker.turn()


@dataclasses.dataclass
class HandTurned:
    world: World
    claims: Claims
    runner: Runner

    def turn(self, limit: int = 10) -> int:
        """Claim and run what there is."""
        claims = self.claims.claim(limit)
        for claim in claims:
            self.runner.run(claim)
        return len(claims)

    def die(self) -> None:
        """Run what there is, and be killed at it."""
        with pytest.raises(Killed):
            self.turn()

    def go_on(self) -> None:
        """Run what there is, have Heat do what it was asked, and look half a minute later."""
        self.turn()
        self.world.cloud.settle()
        self.world.pass_time(30)
        self.watch()

    def watch(self) -> int:
        watcher = Watcher(
            self.world.database, self.world.tools.heat, lambda: 1.0
        )
        at_once = self.world.conf.conductor.operations_per_bay
        return watcher.look() + watcher.fail_overdue() + watcher.give_turns(at_once)


def fake_tools(conf: Any, database: Database, cloud: FakeCloud, drivers: Any) -> Tools:
    """A conductor's tools over a cloud in memory."""
    sealer = Sealer.from_config(conf)
    return Tools(
        conf=conf, database=database, sessions=None,  # type: ignore[arg-type]
        keystone=FakeKeystone(cloud), heat=FakeHeats(cloud),  # type: ignore[arg-type]
        application_credentials=FakeApplicationCredentialsClients(cloud),  # type: ignore[arg-type]
        resources=FakeProjectResourcesClients(cloud),  # type: ignore[arg-type]
        sealer=sealer, certificates=CertificateService(conf, sealer), drivers=drivers,
    )


@contextlib.contextmanager
def open_world(connection: str) -> Iterator[World]:
    """A world over the database of a URL, whose rows are dropped."""
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    cloud = FakeCloud()
    databases.configure(conf, connection)
    conf.set_override(
        'encryption_keys', [base64.b64encode(b'k' * 32).decode()], 'certificates'
    )
    conf.set_override('endpoint', 'http://magnum/v1/bootstrap', 'bootstrap')
    conf.set_override('delete_claim_volumes', True, 'cinder')     # not the default
    database = Database(conf)
    databases.empty(database)
    tools = fake_tools(conf, database, cloud, FakeRegistry())
    yield World(conf, database, cloud, tools)
    database.close()


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    with open_world(databases.url(tmp_path)) as made:
        yield made


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Arm a failpoint whose death this test survives."""

    def die(*_: Any) -> None:
        failpoints.arm(None)
        raise Killed

    monkeypatch.setattr(os, 'kill', die)
    yield failpoints.arm
    failpoints.arm(None)


@pytest.fixture
def nodes(world: World, uuid: str) -> Reporters:
    """The nodes of the module's bay, which have reported that they are well."""
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    made.report()
    return made
