"""Replacing a bay's authority while the bay goes on.

At any moment the bay's nodes and users trust whatever the others show them:

1. *introduced*: the next authority is trusted beside the one that signs;
2. *switched*: it signs, and the former one is still trusted;
3. *retired*: the former one is gone.

The key with which masters encrypt is replaced along with it, in the same transactions:
introduced, all masters can read by the next one; switched, they write by it; before the
former one is retired everything is written anew. Masters that take over the authorities
of a change take over the keys of that change, too.

Between two of them every node has to have followed (:mod:`.node_trust`). What
the store keeps tells how far a rotation came, so one that stopped is
continued, and none is ever begun inside of another.
"""

import base64
import os
import secrets
from typing import Final

from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import authority
from magnum.certificates.authority import PrivatePair
from magnum.certificates.stores import CertificateStore

#: Purposes in the store: the authority that signs, and those trusted beside it.
CURRENT: Final = 'ca'
NEXT: Final = 'ca-next'
FORMER: Final = 'ca-former'
#: The same of the keys that masters encrypt with. In place of a certificate a key has its
#: name; that of a bay which never got another has none.
ENCRYPTION: Final = 'encryption'
NEXT_ENCRYPTION: Final = 'encryption-next'
FORMER_ENCRYPTION: Final = 'encryption-former'
#: In the order in which masters get them.
_OF_ENCRYPTION: Final = (ENCRYPTION, NEXT_ENCRYPTION, FORMER_ENCRYPTION)
_KEY_BYTES: Final = 32


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

    def encryption_keys(self, session: Session, bay_uuid: str) -> str | None:
        """The keys of masters, one a line after its name, the one that writes first.

        :returns: None: this bay has none.
        """
        # At once: keys are moved from one purpose to another while masters ask.
        kept = self._store.load_all(session, bay_uuid, _OF_ENCRYPTION)
        pairs = (kept[purpose] for purpose in _OF_ENCRYPTION if purpose in kept)
        return '\n'.join(
            f'{pair.certificate_pem} {pair.private_key_pem.decode()}'.lstrip() for pair in pairs
        ) or None

    def rewrites(self, session: Session, bay_uuid: str) -> bool:
        """Whether masters write by another key than what they have written before."""
        return FORMER_ENCRYPTION in self._store.load_certificates(session, bay_uuid)

    def introduce(
        self, session: Session, bay_uuid: str, bay_name: str | None, with_encryption_key: bool
    ) -> bool:
        """Make the next authority, unless a rotation is under way already.

        :param with_encryption_key: and with it the next key, if the bay has one. Never later:
            masters that have followed would not ask for it.
        :returns: whether it was made.
        """
        kept = self._store.load_certificates(session, bay_uuid)
        if NEXT not in kept and FORMER not in kept:
            pair = authority.create_authority(self._conf, bay_uuid, bay_name)
            self._store.save(session, bay_uuid, NEXT, pair)
            if with_encryption_key and ENCRYPTION in kept:
                name = f'bay-{secrets.token_hex(4)}'
                self._store.save(
                    session, bay_uuid, NEXT_ENCRYPTION, PrivatePair(name, new_encryption_key())
                )
            return True
        return False

    def switch(self, session: Session, bay_uuid: str) -> None:
        """Let the next authority sign, if there is one."""
        if NEXT in self._store.load_certificates(session, bay_uuid):
            self._store.move(session, bay_uuid, CURRENT, to=FORMER)
            self._store.move(session, bay_uuid, NEXT, to=CURRENT)
            if NEXT_ENCRYPTION in self._store.load_certificates(session, bay_uuid):
                self._store.move(session, bay_uuid, ENCRYPTION, to=FORMER_ENCRYPTION)
                self._store.move(session, bay_uuid, NEXT_ENCRYPTION, to=ENCRYPTION)

    def retire(self, session: Session, bay_uuid: str) -> None:
        """Trust the former authority no longer."""
        self._store.remove(session, bay_uuid, FORMER)
        self._store.remove(session, bay_uuid, FORMER_ENCRYPTION)


def new_encryption_key() -> bytes:
    """A key that masters encrypt with, base64 of 32 bytes."""
    return base64.b64encode(os.urandom(_KEY_BYTES))
