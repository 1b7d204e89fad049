"""Idempotency-Key: a POST that is sent twice is done once.

The answer is kept in the transaction that does what the request asks for. So
there is no moment at which one is there without the other, and of two equal
requests at once one undoes itself and answers as the other did.
"""

import datetime
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.api import errors
from magnum.api.http.request import Answer, Call
from magnum.db.engine import Database
from magnum.db.repositories import idempotency as repository

HEADER: Final = 'Idempotency-Key'
_LONGEST: Final = 255

Handler = Callable[[Call], Answer]


class Idempotency:
    """Answers POSTs, again where they were answered before."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database):
        self._database = database
        self._lifetime = datetime.timedelta(hours=conf.api.idempotency_key_lifetime)

    def answer(self, call: Call, handler: Handler) -> Answer:
        """The handler's answer, or the one that the key had before.

        :raises APIError: 422, the key was used for another request.
        """
        key: str | None = call.request.headers.get(HEADER)
        if key is None:
            return handler(call)
        entry = repository.Entry(_owner(call), _checked(key), _request(call))
        earlier = self._earlier(entry)
        if earlier is not None:
            return earlier
        promise = functools.partial(self._promise, entry)
        try:
            return handler(call.promising(promise))
        except repository.KeyTaken:
            # An equal request was faster; what this one did is undone.
            return self._earlier(entry) or _lost(key)

    def _earlier(self, entry: repository.Entry) -> Answer | None:
        with self._database.reading() as session:
            kept = repository.find(session, entry, self._lifetime)
        if kept is None:
            return None
        if kept.request != entry.request:
            raise errors.APIError(
                errors.requests.KEY_REUSED,
                f'The {HEADER} {entry.key} was used for another request.',
                source=errors.header(HEADER),
            )
        headers = {**kept.headers, 'Idempotency-Replayed': 'true'}
        return Answer(json.loads(kept.document), kept.status, headers)

    def _promise(self, entry: repository.Entry, session: orm.Session, answer: Answer) -> None:
        repository.insert(
            session, entry, self._lifetime, answer.status, dict(answer.headers),
            json.dumps(answer.document),
        )


def _lost(key: str) -> Answer:
    """The other request's answer is gone already: it was about to end its lifetime."""
    raise errors.APIError(
        errors.requests.CONCURRENT_UPDATE, f'The {HEADER} {key} is being used at this moment.'
    )


def _checked(key: str) -> str:
    if not 0 < len(key) <= _LONGEST or not key.isprintable():
        raise errors.APIError(
            errors.requests.BAD_REQUEST,
            f'The {HEADER} should have 1 to {_LONGEST} printable characters.',
            source=errors.header(HEADER),
        )
    return key


def _owner(call: Call) -> str:
    return _hash(call.caller.project_id or '', call.caller.user_id or '')


def _request(call: Call) -> str:
    # Not the path as it was sent: one route has several spellings.
    return _hash(
        *call.route, *call.arguments, call.request.query_string, str(call.version),
        call.text.decode('latin-1'),
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
