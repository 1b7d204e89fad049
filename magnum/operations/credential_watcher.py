"""Watcher of bays' application credentials: tells the bays whose cloud takes theirs no more.

Keystone deletes or refuses one when its user or project is disabled, or when
the user loses a role. What uses it in the bay (cloud provider, volumes,
autoscaler) fails then, where nobody sees it.
"""

import datetime
import functools
from collections.abc import Callable
from typing import Final

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.clients.application_credentials import ApplicationCredentialsClients
from magnum.clients.errors import CloudError, CloudUnavailable
from magnum.db.engine import Database
from magnum.db.models import Bay, CloudCredential
from magnum.db.repositories import bays, cloud_credentials, events, locking, nodegroups
from magnum.db.repositories.locking import BayGone
from magnum.domain.node_health import CREDENTIALS_VALID, Condition
from magnum.domain.reports import FALSE, TRUE
from magnum.drivers.plans import bay_plan
from magnum.drivers.registry import Registry
from magnum.operations import apart, bay_conditions, cloud_secrets

LOG = logging.getLogger(__name__)

#: Seconds between two looks.
INTERVAL: Final = 60.0
EVENT: Final = 'bay.credential.refused'
_PAGE: Final = 50
# Their words do not change, so that they can be compared.
_ACCEPTED: Final = Condition(
    TRUE, 'CredentialAccepted', "Keystone accepts the bay's credential of the cloud"
)
_REFUSED: Final = Condition(
    FALSE, 'CredentialRefused',
    "Keystone refuses the bay's credential of the cloud: load balancers, volumes and nodes that "
    'the bay asks for itself are not made. A rotation of its credential makes another one, '
    "unless the bay's user or project is disabled, or the user has no role left on it",
)


class CredentialWatcher:
    """Asks Keystone for a token with each credential, once in a while.

    A credential is looked at by one conductor: who marks it first.

    :param is_stopping: ends a look early.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, database: Database, sealer: Sealer,
        clients: ApplicationCredentialsClients, drivers: Registry,
        is_stopping: Callable[[], bool] = lambda: False,
    ):
        self._conf = conf
        self._database = database
        self._sealer = sealer
        self._clients = clients
        self._drivers = drivers
        self._is_stopping = is_stopping

    def look(self) -> int:
        """Check those whose time has come; how many bays have changed."""
        every = self._conf.identity.cloud_credential_check
        age = datetime.timedelta(seconds=every)
        changed, is_full = 0, bool(every)
        while is_full:
            with self._database.reading() as session:
                due = cloud_credentials.unchecked(session, age, _PAGE)
            is_full = len(due) == _PAGE
            for credential in due:
                if self._is_stopping():
                    return changed
                try:
                    changed += self._look_at(credential, age)
                except CloudUnavailable as error:
                    # The others would hear the same.
                    LOG.warning('Credentials of bays are not checked: %s', error)
                    return changed
        return changed

    def _look_at(self, credential: CloudCredential, age: datetime.timedelta) -> bool:
        take_up = functools.partial(
            cloud_credentials.take_up, credential_id=credential.id, age=age
        )
        if not self._database.run(take_up):
            return False
        try:
            condition = self._condition(credential)
        except CloudUnavailable:
            self._database.run(functools.partial(
                cloud_credentials.put_back, credential_id=credential.id,
                checked_at=credential.checked_at,
            ))
            raise
        except (CloudError, SealingError) as error:
            LOG.error('The credential %s cannot be checked: %s', credential.name, error)
            return False
        tell = functools.partial(self._tell, credential=credential, found=condition)
        return bool(apart.look_at(credential.bay_uuid, self._database.run, tell))

    def _condition(self, credential: CloudCredential) -> Condition:
        which = credential.bay_uuid, credential.generation
        with self._database.reading() as session:
            of_purposes = cloud_credentials.of_purposes(session, *which)
        secrets = [(credential.credential_id, cloud_secrets.unseal(self._sealer, credential)), *(
            (one.credential_id, cloud_secrets.unseal(self._sealer, one, one.purpose))
            for one in of_purposes if one.credential_id is not None
        )]
        are_accepted = all(self._clients.is_accepted(str(one), secret) for one, secret in secrets)
        return _ACCEPTED if are_accepted else _REFUSED

    def _tell(self, session: orm.Session, credential: CloudCredential, found: Condition) -> bool:
        try:
            bay = locking.lock_bay(session, credential.bay_uuid)
        except BayGone:
            return False
        # A rotation may have replaced it meanwhile, and a deletion revoked it.
        now = cloud_credentials.in_use(session, bay.uuid)
        if now is None or now.id != credential.id or str(bay.status).startswith('DELETE'):
            return False
        given = {CREDENTIALS_VALID: found} if self._is_used(session, bay) else {}
        if not bay_conditions.update(session, bay, given, {CREDENTIALS_VALID}):
            return False
        if given and found is _REFUSED:
            events.record_of_bay(session, bay, None, EVENT, found.message)
            LOG.warning('%s: %s: %s', EVENT, bay.uuid, found.message)
        return True

    def _is_used(self, session: orm.Session, bay: Bay) -> bool:
        """Whether anything in the bay uses one: an upgrade may have taken that away."""
        driver = self._drivers.find(bay.driver)
        _, baymodel = bays.with_baymodel(session, bay.uuid)
        groups = nodegroups.load_all(session, bay.uuid)
        return driver is not None and driver.wants_cloud_credential(
            bay_plan(bay, baymodel, groups, self._conf)
        )
