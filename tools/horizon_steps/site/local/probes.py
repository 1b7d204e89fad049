"""What tests change in a Horizon: another Magnum, and a record of what is asked of it.

``HORIZON_MAGNUM_URL`` is the endpoint of the Magnum that the panels use instead
of the catalogue's. ``HORIZON_RECORD`` names a file that gets a line of JSON for
every request of theirs: method, URL, version, body, status, answer.
"""

import json
import os
import threading
from typing import Any

from magnumclient.common import httpclient
from magnumclient.v1 import client


def install() -> None:
    """Change what the environment asks for; nothing when it asks for nothing."""
    if url := os.environ.get('HORIZON_MAGNUM_URL'):
        _lead_to(url)
    if path := os.environ.get('HORIZON_RECORD'):
        _record(path)


def _lead_to(url: str) -> None:
    original = client.Client

    def lead(**options: Any) -> Any:
        return original(**{**options, 'magnum_url': url})

    client.Client = lead


def _record(path: str) -> None:
    asked = threading.local()

    def question(_self: object, method: str, url: str, kwargs: dict[str, Any]) -> None:
        asked.now = {
            'method': method, 'url': url, 'body': kwargs.get('body'),
            'version': kwargs['headers'].get('OpenStack-API-Version'),
        }

    def answer(response: Any, body: Any = None) -> None:
        with open(path, 'a') as out:
            row = {**asked.now, 'status': response.status, 'answer': body}
            out.write(f'{json.dumps(row)}\n')

    httpclient.HTTPClient.log_curl_request = question
    httpclient.HTTPClient.log_http_response = staticmethod(answer)
