"""What masters use the cloud with, where their bay has a credential of it.

The credential is a secret: it is in the answer to a master that signs, and
nowhere else.
"""

import logging
from typing import Any, Final

import webob

from magnum.api import errors
from magnum.api.bootstrap.access import Parts, json_of, refused
from magnum.api.bootstrap.signed import SignedRequests
from magnum.clients.application_credentials import Access
from magnum.clients.errors import CloudError
from magnum.db import models
from magnum.db.repositories import bays, cloud_credentials, nodegroups
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER, CloudAccess, Driver
from magnum.drivers.plans import bay_plan
from magnum.operations import cloud_secrets

LOG = logging.getLogger(__name__)

_TAG: Final = 'magnum/cloud'
_SOON: Final = '5'  # seconds


class CloudController:
    """What masters are given of the cloud."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._signed = SignedRequests(parts)

    def configuration(
        self, request: webob.Request, request_id: str, bay: str
    ) -> dict[str, Any]:
        """POST of a registered master: the file that what it runs reads."""
        node, text = self._signed.by(request, bay, _TAG)
        for name in json_of(text):
            raise errors.invalid(name, '', 'There is no such member.')
        if node.role != MASTER:
            raise refused()
        with self._parts.reading() as session:
            credential = cloud_credentials.in_use(session, bay)
            if credential is None:
                raise refused()
            row, baymodel = bays.with_baymodel(session, bay)
            groups = nodegroups.load_all(session, bay)
        driver = self._parts.driver_for_bay(row, baymodel)
        access = Access(**(credential.access or {}))
        configuration = driver.cloud_configuration(
            bay_plan(row, baymodel, groups, self._parts.conf),
            CloudAccess(
                credential_id=credential.credential_id or '',
                secret=cloud_secrets.unseal(self._parts.certificates.sealer, credential),
                auth_url=access.auth_url,
                region=access.region,
                external_network_id=access.external_network_id,
                subnet=self._subnet(row, driver),
            ),
        )
        LOG.info(
            '%s: credential %s of the cloud given to the master %s of bay %s',
            request_id, credential.generation, node.name, bay,
        )
        return {'generation': credential.generation, 'configuration': configuration}

    def _subnet(self, bay: models.Bay, driver: Driver) -> str:
        """The subnet of the bay's nodes, as its stack has it.

        :raises APIError: it is not known yet, or Heat does not answer.
        """
        subnet = None
        if bay.stack_id is not None:
            try:
                subnet = driver.bay_subnet(self._parts.servers.stack_output(
                    stack_name(bay.name, bay.uuid), bay.stack_id, driver.api_output
                ))
            except CloudError as error:
                LOG.error('The subnet of bay %s is not known: %s', bay.uuid, error)
        if subnet is None:
            raise errors.APIError(
                errors.service.CLOUD_UNAVAILABLE,
                "The subnet of the bay's nodes is not known yet.", {'Retry-After': _SOON},
            )
        return subnet
