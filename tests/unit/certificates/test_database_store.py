import pytest
import sqlalchemy as sa
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import errors
from magnum.certificates.authority import PrivatePair
from magnum.certificates.sealing import Sealer
from magnum.certificates.stores import CertificateStore
from magnum.certificates.stores.database import DatabaseStore
from magnum.db import models

FIRST = PrivatePair('first certificate', b'first key')
SECOND = PrivatePair('second certificate', b'second key')


@pytest.fixture
def store(conf: cfg.ConfigOpts) -> CertificateStore:
    return DatabaseStore(Sealer.from_config(conf))


def test_loads_what_was_saved(store: CertificateStore, session: Session) -> None:
    store.save(session, 'bay', 'ca', FIRST)
    assert store.load(session, 'bay', 'ca') == FIRST
    assert store.load_certificates(session, 'bay') == {'ca': FIRST.certificate_pem}


def test_nothing_saved_is_none(store: CertificateStore, session: Session) -> None:
    assert store.load(session, 'bay', 'ca') is None
    assert store.load_certificates(session, 'bay') == {}


def test_the_first_pair_stays(store: CertificateStore, session: Session) -> None:
    store.save(session, 'bay', 'ca', FIRST)
    store.save(session, 'bay', 'ca', SECOND)
    assert store.load(session, 'bay', 'ca') == FIRST


def test_bays_and_purposes_are_apart(store: CertificateStore, session: Session) -> None:
    store.save(session, 'bay', 'ca', FIRST)
    store.save(session, 'bay', 'service', SECOND)
    store.save(session, 'other', 'ca', SECOND)
    store.delete(session, 'bay')
    assert store.load(session, 'bay', 'ca') is None
    assert store.load(session, 'bay', 'service') is None
    assert store.load(session, 'other', 'ca') == SECOND


def test_deleting_nothing_is_fine(store: CertificateStore, session: Session) -> None:
    store.delete(session, 'bay')


def test_nothing_is_committed(store: CertificateStore, session: Session) -> None:
    store.save(session, 'bay', 'ca', FIRST)
    session.rollback()
    assert store.load(session, 'bay', 'ca') is None


def test_the_key_is_sealed_to_its_row(store: CertificateStore, session: Session) -> None:
    store.save(session, 'bay', 'ca', FIRST)
    row = session.scalars(sa.select(models.KeyPair)).one()
    assert 'first key' not in row.sealed_private_key
    row.bay_uuid = 'other'
    session.flush()
    with pytest.raises(errors.SealBroken, match='key_pair/other/ca'):
        store.load(session, 'other', 'ca')
