"""What masters use the cloud with, where their bay has a credential of it.

The credential is a secret: it is in the answer to a master that signs, and
nowhere else.
"""

import logging
from typing import Any, Final

import webob

from magnum.api.bootstrap.access import Parts, refused
from magnum.api.bootstrap.admission import later
from magnum.api.bootstrap.signed import SignedRequests
from magnum.clients.application_credentials import Access
from magnum.db import models
from magnum.db.repositories import bays, cloud_credentials, nodegroups
from magnum.drivers.contract import CloudAccess, Driver
from magnum.drivers.plans import bay_plan
from magnum.operations import cloud_secrets

LOG = logging.getLogger(__name__)

_TAG: Final = 'magnum/cloud'


class CloudController:
    """What masters are given of the cloud."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._signed = SignedRequests(parts)

    def configuration(
        self, request: webob.Request, request_id: str, bay: str
    ) -> dict[str, Any]:
        """POST of a registered master: the files that what it runs reads."""
        node, _ = self._signed.by_master(request, bay, _TAG)
        with self._parts.reading() as session:
            credential = cloud_credentials.in_use(session, bay)
            if credential is None:
                raise refused()
            of_purposes = cloud_credentials.of_purposes(session, bay, credential.generation)
            row, baymodel = bays.with_baymodel(session, bay)
            groups = nodegroups.load_all(session, bay)
        driver = self._parts.driver_for_bay(row, baymodel)
        plan = bay_plan(row, baymodel, groups, self._parts.conf)
        access = Access(**(credential.access or {}))
        subnet = self._subnet(row, driver, node.name)

        def configuration(
            one: models.CloudCredential | models.PurposeCredential, purpose: str = ''
        ) -> str:
            return driver.cloud_configuration(plan, CloudAccess(
                credential_id=one.credential_id or '',
                secret=cloud_secrets.unseal(self._parts.certificates.sealer, one, purpose),
                auth_url=access.auth_url,
                region=access.region,
                external_network_id=access.external_network_id,
                subnet=subnet,
            ))

        LOG.info(
            '%s: credential %s of the cloud given to the master %s of bay %s',
            request_id, credential.generation, node.name, bay,
        )
        return {
            'generation': credential.generation,
            'configuration': configuration(credential),
            # A conductor of an earlier release may have left one that was begun.
            'configurations': {
                one.purpose: configuration(one, one.purpose)
                for one in of_purposes if one.credential_id is not None
            },
        }

    def _subnet(self, bay: models.Bay, driver: Driver, name: str) -> str:
        """The subnet of the bay's nodes, as its stack has it.

        :raises APIError: it is not known yet, or Heat does not answer.
        """
        subnet = driver.bay_subnet(self._parts.cloud.output(bay, driver, name))
        if subnet is None:
            raise later("The subnet of the bay's nodes is not known yet.")
        return subnet
