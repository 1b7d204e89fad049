"""Watcher of bays' application credentials: tells the bays whose cloud takes theirs no more.

Keystone deletes or refuses one when its user or project is disabled, or when
the user loses a role. What uses it in the bay (cloud provider, volumes,
autoscaler) fails then, where nobody sees it.
"""

import datetime
import functools
from typing import Final

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.clients.application_credentials import ApplicationCredentialsClients
from magnum.clients.errors import CloudError, Unauthenticated
from magnum.db.engine import Database
from magnum.db.models import CloudCredential
from magnum.db.repositories import cloud_credentials, events, locking
from magnum.db.repositories.locking import BayGone
from magnum.domain.node_health import CREDENTIALS_VALID, Condition
from magnum.domain.reports import FALSE, TRUE
from magnum.operations import bay_conditions, cloud_secrets

LOG = logging.getLogger(__name__)

#: Seconds between two looks, each of which takes some of the credentials.
INTERVAL: Final = 60.0
EVENT: Final = 'bay.credential.refused'
_MOST: Final = 50
# Their words do not change, so that they can be compared.
_ACCEPTED: Final = Condition(
    TRUE, 'CredentialAccepted', "Keystone accepts the bay's credential of the cloud"
)
_REFUSED: Final = Condition(
    FALSE, 'CredentialRefused',
    "Keystone refuses the bay's credential of the cloud: load balancers, volumes and nodes that "
    'the bay asks for itself are not made. A rotation of its credential makes another one, '
    "unless the bay's user or its project is disabled",
)


class CredentialWatcher:
    """Asks Keystone for a token with each credential, once in a while.

    A credential is looked at by one conductor: who marks it first.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, database: Database, sealer: Sealer,
        clients: ApplicationCredentialsClients,
    ):
        self._conf = conf.identity
        self._database = database
        self._sealer = sealer
        self._clients = clients

    def look(self) -> int:
        """Check those whose time has come, some at a time; how many bays have changed."""
        every = self._conf.cloud_credential_check
        if not every:
            return 0
        age = datetime.timedelta(seconds=every)
        with self._database.reading() as session:
            due = cloud_credentials.unchecked(session, age, _MOST)
        changed = 0
        for credential in due:
            take_up = functools.partial(
                cloud_credentials.check, credential_id=credential.id, age=age
            )
            if not self._database.run(take_up):
                continue
            try:
                condition = self._condition(credential)
            except SealingError as error:
                LOG.error('%s: %s', credential.name, error)
                continue
            except CloudError as error:
                # The others would hear the same.
                LOG.warning('Credentials of bays are not checked: %s', error)
                break
            tell = functools.partial(self._tell, credential=credential, found=condition)
            changed += self._database.run(tell)
        return changed

    def _condition(self, credential: CloudCredential) -> Condition:
        secret = cloud_secrets.unseal(self._sealer, credential)
        try:
            self._clients.check(str(credential.credential_id), secret)
        except Unauthenticated as error:
            LOG.info('%s is not accepted: %s', credential.name, error)
            return _REFUSED
        return _ACCEPTED

    def _tell(self, session: orm.Session, credential: CloudCredential, found: Condition) -> bool:
        try:
            bay = locking.lock_bay(session, credential.bay_uuid)
        except BayGone:
            return False
        # A rotation may have replaced it meanwhile, and a deletion revoked it.
        now = cloud_credentials.in_use(session, bay.uuid)
        if now is None or now.id != credential.id or str(bay.status).startswith('DELETE'):
            return False
        if not bay_conditions.update(session, bay, {CREDENTIALS_VALID: found}, {CREDENTIALS_VALID}):
            return False
        if found is _REFUSED:
            events.record_of_bay(session, bay, None, EVENT, found.message)
            LOG.warning('%s: %s: %s', EVENT, bay.uuid, found.message)
        return True
