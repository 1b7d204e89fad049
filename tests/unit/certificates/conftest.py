import types
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from oslo_config import cfg
from sqlalchemy import orm, pool

from magnum.certificates import sealing
from magnum.certificates.service import CertificateService
from magnum.conf import bootstrap, certificates, x509
from magnum.db import models
from tests.unit.certificates.nodes import Nodes

_SECTIONS: tuple[types.ModuleType, ...] = (bootstrap, certificates, x509)


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    """The sections under test, and one operator's key."""
    conf = cfg.ConfigOpts()
    for section in _SECTIONS:
        # A group of its own: oslo.config keeps overrides in the group's object.
        conf.register_opts(section.OPTIONS, group=cfg.OptGroup(section.GROUP.name))
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('encryption_keys', [sealing.generate_key()], 'certificates')
    return conf


@pytest.fixture
def session_maker() -> Iterator[orm.sessionmaker[orm.Session]]:
    engine = sa.create_engine(
        'sqlite://', poolclass=pool.StaticPool, connect_args={'check_same_thread': False}
    )
    models.Base.metadata.create_all(engine)
    yield orm.sessionmaker(engine)
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
    bay = models.Bay(name=name, baymodel_id=baymodel.uuid, status='CREATE_IN_PROGRESS')
    session.add(bay)
    session.commit()
    return bay


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
