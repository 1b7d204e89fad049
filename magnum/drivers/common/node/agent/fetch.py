# roles: master worker
"""Fetch this node's files by their digest, and unpack them.

With ``opener.py`` it is what user data has of them. An archive is tar, compressed
by xz; the service keeps it for as long as servers may be made that ask for it.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import pathlib
import shlex
import sys
import tarfile
import time
import urllib.error
import urllib.request

from .opener import opener

FOLDER = 'opt/magnum'
#: What the user data asks for, and what is there.
WANTED, FETCHED = 'digest', 'fetched'
#: Answers after which another attempt is of no use. Not 404: an API of an earlier
#: release may answer while the service is upgraded.
HOPELESS = frozenset({400, 401, 403, 410})
FIRST_PAUSE, LAST_PAUSE = 2.0, 60.0     # seconds
TIMEOUT = 30    # seconds


def main(root: str = '/') -> None:
    """Fetch and unpack, unless that was done before.

    :raises SystemExit: it will never succeed.
    """
    folder = pathlib.Path(root, FOLDER)
    digest = (folder / WANTED).read_text().strip()
    done = folder / FETCHED
    if done.exists() and done.read_text() == digest:
        return
    words = shlex.split(pathlib.Path(root, 'etc/magnum/node.env').read_text())
    settings = dict(word.split('=', 1) for word in words)
    archive = fetch(settings, pathlib.Path(root, 'etc/magnum/openstack-ca.pem'), digest)
    with tarfile.open(fileobj=io.BytesIO(archive), mode='r:xz') as files:
        # Early releases of Python 3 have no filters, and the digest is of what we have made.
        files.extraction_filter = getattr(tarfile, 'data_filter', lambda member, _: member)
        files.extractall(str(folder))   # noqa: S202
    # Nobody would fetch again what a loss of power left of them.
    os.sync()
    done.write_text(digest)


def fetch(settings: dict[str, str], authority: pathlib.Path, digest: str) -> bytes:
    """Ask until there is an answer.

    :raises SystemExit: there will be none.
    """
    url = f'{settings["MAGNUM_BOOTSTRAP_URL"]}/{settings["MAGNUM_BAY_UUID"]}/files/{digest}'
    request = urllib.request.Request(   # noqa: S310 - the opener has HTTP only
        url, b'', {'X-Bootstrap-Token': settings['MAGNUM_BOOTSTRAP_TOKEN']}, method='POST'
    )
    service = opener(settings, authority, url)
    pause = FIRST_PAUSE
    while True:
        try:
            with service.open(request, timeout=TIMEOUT) as answer:
                archive = base64.b64decode(json.load(answer)['archive'])
            if hashlib.sha256(archive).hexdigest() == digest:
                return archive
            why = 'what was sent has another digest'
        except urllib.error.HTTPError as error:
            why = f'{error.code} {error.reason}'
            if error.code in HOPELESS:
                sys.exit(f'magnum: files of this node are refused: {why}')
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            why = f'{type(error).__name__}: {error}'
        print(f'magnum: no files of this node yet: {why}', flush=True)
        time.sleep(pause)
        pause = min(2 * pause, LAST_PAUSE)


if __name__ == '__main__':
    main(*sys.argv[1:])
