# roles: master
"""Write every Secret as it is, so that the API server encrypts it with its key of now."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

CERTIFICATES = '/etc/magnum/certificates'
PAGE, ATTEMPTS, PAUSE = 200, 8, 2.0


class Failed(Exception):
    """The API server does not do it; the text is free of secrets."""


class Api:
    """The API server of this master, which is asked again while it is away."""

    def __init__(self, host: str = '127.0.0.1', port: int = 6443) -> None:
        context = ssl.create_default_context(cafile=f'{CERTIFICATES}/ca.pem')
        context.load_cert_chain(f'{CERTIFICATES}/admin.pem', f'{CERTIFICATES}/admin.key')
        self._connection = http.client.HTTPSConnection(host, port, timeout=60, context=context)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and document; of errors that pass the last one.

        :raises Failed: it does not answer.
        """
        why = ''
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE)
            try:
                self._connection.request(
                    method, path, body, {'Content-Type': 'application/json'}
                )
                answer = self._connection.getresponse()
                content = answer.read()
                if answer.status != 429 and answer.status < 500:
                    return answer.status, json.loads(content)
                why = f'status {answer.status}'
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = type(error).__name__
            self._connection.close()
        raise Failed(f'{method} {path}: {why}')


def pages(api: Api) -> Iterator[list[dict[str, Any]]]:
    """All secrets, by pages; from the beginning when a page comes too late."""
    going_on = ''
    while True:
        status, told = api.ask(
            'GET', f'/api/v1/secrets?limit={PAGE}&continue={urllib.parse.quote(going_on)}'
        )
        if status == 410:
            going_on = ''
            continue
        if status != 200:
            raise Failed(f'listing secrets: status {status}')
        yield told.get('items') or []
        going_on = told['metadata'].get('continue') or ''
        if not going_on:
            return


def rewrite(api: Api, secret: dict[str, Any]) -> bool:
    """Write a secret as it is; False when it is gone.

    :raises Failed: it is not taken, as by a webhook of the bay's users.
    """
    metadata = secret['metadata']
    where = f'secret {metadata["namespace"]}/{metadata["name"]}'
    path = '/api/v1/namespaces/{}/secrets/{}'.format(metadata['namespace'], metadata['name'])
    for _ in range(ATTEMPTS):
        document = {**secret, 'apiVersion': 'v1', 'kind': 'Secret'}
        status, _told = api.ask('PUT', path, json.dumps(document).encode())
        if status == 409:       # somebody has changed it, or made it anew, meanwhile
            status, secret = api.ask('GET', path)
            if status == 200:
                continue
        if status == 404:
            return False
        if status in (200, 201):
            return True
        raise Failed(f'{where}: status {status}')
    raise Failed(f'{where}: it is changed again and again')


def main() -> int:
    """The exit status."""
    api = Api()
    failed, done = [], 0
    try:
        for page in pages(api):
            for secret in page:
                try:
                    done += rewrite(api, secret)
                except Failed as error:
                    failed.append(str(error))
    except Failed as error:
        failed.append(str(error))
    for line in failed[:5]:
        print(line)
    print(f'secrets written anew: {done}, not: {len(failed)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
