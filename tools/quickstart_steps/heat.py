"""How far Heat is with a stack, for a figure that moves while a bay builds."""

import json
import urllib.request
from typing import Any

from tools.devcloud import settings

_TIMEOUT = 10  # seconds


class Stacks:
    """Asks Heat as one of the accounts."""

    def __init__(self, account: str):
        self._account = settings.openrc(account)
        self._token = ''
        self._url = ''

    def resources(self, stack_id: str) -> tuple[int, int] | None:
        """How many resources of a stack are complete, and how many there are.

        None when Heat does not say; it is only asked for the reader's comfort.
        """
        try:
            if not self._token:
                self._authenticate()
            request = urllib.request.Request(
                f'{self._url}/stacks/{stack_id}/resources',
                headers={'X-Auth-Token': self._token, 'Accept': 'application/json'},
            )
            found = _answer(request)[0]['resources']
        except OSError:
            self._token = ''  # which may be what was wrong with it
            return None
        complete = [each for each in found if each['resource_status'].endswith('COMPLETE')]
        # Resources that Heat has not begun with are INIT_COMPLETE.
        begun = [each for each in complete if not each['resource_status'].startswith('INIT')]
        return len(begun), len(found)

    def _authenticate(self) -> None:
        account = self._account
        project = {
            'name': account['OS_PROJECT_NAME'],
            'domain': {'name': account['OS_PROJECT_DOMAIN_NAME']},
        }
        user = {
            'name': account['OS_USERNAME'],
            'domain': {'name': account['OS_USER_DOMAIN_NAME']},
            'password': account['OS_PASSWORD'],
        }
        identity = {'methods': ['password'], 'password': {'user': user}}
        body = {'auth': {'identity': identity, 'scope': {'project': project}}}
        request = urllib.request.Request(
            f'{account["OS_AUTH_URL"]}/auth/tokens',
            data=json.dumps(body).encode(),
            headers={'Content-Type': 'application/json'},
        )
        answer, headers = _answer(request)
        self._token = headers['X-Subject-Token']
        project_id = answer['token']['project']['id']
        self._url = settings.CATALOGUE['heat'].url % {'tenant_id': project_id}


def _answer(request: urllib.request.Request) -> tuple[Any, Any]:
    """The document and the headers of an answer."""
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        return json.load(response), response.headers
