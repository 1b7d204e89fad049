"""Replacing a bay's authority while the bay goes on.

At any moment the bay's nodes and users trust whatever the others show them:

1. *introduced*: the next authority is trusted beside the one that signs;
2. *switched*: it signs, and the former one is still trusted;
3. *retired*: the former one is gone.

Between two of them every node has to have followed (:mod:`.node_trust`). What
the store keeps tells how far a rotation came, so one that stopped is
continued, and none is ever begun inside of another.
"""

from typing import Final

from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import authority
from magnum.certificates.stores import CertificateStore

#: Purposes in the store: the authority that signs, and those trusted beside it.
CURRENT: Final = 'ca'
NEXT: Final = 'ca-next'
FORMER: Final = 'ca-former'


class Rotation:
    """The three changes of authority, in the caller's transaction."""

    def __init__(self, conf: cfg.ConfigOpts, store: CertificateStore):
        self._conf = conf
        self._store = store

    def trusted(self, session: Session, bay_uuid: str) -> str | None:
        """The authorities that the bay trusts, PEM, the one that signs first.

        :returns: None before there is one.
        """
        kept = self._store.load_certificates(session, bay_uuid)
        if CURRENT not in kept:
            return None
        return ''.join(kept[purpose] for purpose in (CURRENT, NEXT, FORMER) if purpose in kept)

    def introduce(self, session: Session, bay_uuid: str, bay_name: str | None) -> None:
        """Make the next authority, unless a rotation is under way already."""
        kept = self._store.load_certificates(session, bay_uuid)
        if NEXT not in kept and FORMER not in kept:
            pair = authority.create_authority(self._conf, bay_uuid, bay_name)
            self._store.save(session, bay_uuid, NEXT, pair)

    def switch(self, session: Session, bay_uuid: str) -> None:
        """Let the next authority sign, if there is one."""
        if NEXT in self._store.load_certificates(session, bay_uuid):
            self._store.move(session, bay_uuid, CURRENT, to=FORMER)
            self._store.move(session, bay_uuid, NEXT, to=CURRENT)

    def retire(self, session: Session, bay_uuid: str) -> None:
        """Trust the former authority no longer."""
        self._store.remove(session, bay_uuid, FORMER)
