import importlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from oslo_config import cfg
from sqlalchemy import orm, pool

from magnum import conf as configuration
from magnum.certificates import sealing
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.domain import states
from tests.fakes.servers import OWNER
from tests.unit.certificates.nodes import BUILT, PROJECT, Nodes
from tests.unit.certificates.reporting import NODE, Reporting

_SECTIONS = ('api', 'bootstrap', 'certificates', 'nodes', 'x509')


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    """The sections under test, and one operator's key."""
    conf = cfg.ConfigOpts()
    for name in _SECTIONS:
        section = importlib.import_module(f'{configuration.__name__}.{name}')
        # A group of its own: oslo.config keeps overrides in the group's object.
        conf.register_opts(section.OPTIONS, group=cfg.OptGroup(section.GROUP.name))
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('encryption_keys', [sealing.generate_key()], 'certificates')
    return conf


def all_sections() -> cfg.ConfigOpts:
    """The same of every section, for plans, which are made of many."""
    conf = configuration.new_config()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('encryption_keys', [sealing.generate_key()], 'certificates')
    return conf


@pytest.fixture
def session_maker() -> Iterator[orm.sessionmaker[orm.Session]]:
    engine = sa.create_engine(
        'sqlite://', poolclass=pool.StaticPool, connect_args={'check_same_thread': False}
    )
    models.Base.metadata.create_all(engine)
    yield orm.sessionmaker(engine, expire_on_commit=False)
    engine.dispose()


@pytest.fixture
def session(session_maker: orm.sessionmaker[orm.Session]) -> Iterator[orm.Session]:
    with session_maker() as session:
        yield session


@pytest.fixture
def service(conf: cfg.ConfigOpts) -> CertificateService:
    return CertificateService(conf)


@pytest.fixture
def bay(session: orm.Session) -> models.Bay:
    return add_bay(session)


def add_bay(session: orm.Session, coe: str = 'kubernetes', name: str = 'prod') -> models.Bay:
    baymodel = models.Baymodel(name='k', coe=coe, image_id='debian')
    session.add(baymodel)
    session.flush()
    bay = models.Bay(
        name=name, baymodel_id=baymodel.uuid, status='CREATE_IN_PROGRESS', project_id=PROJECT
    )
    session.add(bay)
    session.flush()
    session.add(models.BayIdentity(
        bay_uuid=bay.uuid, username=bay.uuid, user_id=OWNER, sealed_password='x'
    ))
    session.add_all(
        models.Nodegroup(
            bay_uuid=bay.uuid, name=f'default-{role}', role=role, is_default=True,
            node_count=BUILT,
        )
        for role in ('master', 'worker')
    )
    session.commit()
    return bay


def build(
    session: orm.Session,
    service: CertificateService,
    bay: models.Bay,
    verb: str = states.CREATE,
    uuid: str = 'operation',
    roles: tuple[str, ...] = ('master', 'worker'),
) -> dict[str, str]:
    """An operation of the bay that builds nodes; its tokens, by role."""
    session.execute(sa.update(models.Operation).values(active_for=None))
    groups = session.scalars(sa.select(models.Nodegroup).filter_by(bay_uuid=bay.uuid))
    workers = next(group.uuid for group in groups if group.role == 'worker')
    session.add(models.Operation(
        uuid=uuid, bay_uuid=bay.uuid, bay_name=bay.name, verb=verb, phase=states.FINISH,
        state=states.WAITING, active_for=bay.uuid, roles=[], deadline=bay.created_at,
        parameters={} if verb == states.CREATE else {'nodegroup': workers},
    ))
    session.flush()
    tokens = service.tokens.arm(session, bay.uuid, uuid, roles)
    session.commit()
    return tokens


@pytest.fixture
def swarm_bay(session: orm.Session) -> models.Bay:
    return add_bay(session, 'swarm')


@pytest.fixture
def nodes(
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService,
) -> Nodes:
    return Nodes(conf, session_maker, service)


@pytest.fixture
def tokens(session: orm.Session, service: CertificateService, bay: models.Bay) -> dict[str, str]:
    """Tokens of the nodes that an operation builds, by role."""
    service.ensure_authority(session, bay.uuid, bay.name)
    return build(session, service, bay)


@pytest.fixture
def node(nodes: Nodes, bay: models.Bay, tokens: dict[str, str]) -> Reporting:
    """One that is registered."""
    made = Reporting(nodes.app, bay.uuid, NODE)
    assert made.register(tokens['worker']).status_int == 200
    return made
