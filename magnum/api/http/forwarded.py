"""Headers of proxies, less what clients put into them."""

from collections.abc import Iterable
from typing import Any, Final

from magnum.api.http.middleware import Application

X_FORWARDED: Final = 'x-forwarded'
FORWARDED: Final = 'forwarded'
#: By the word of the configuration: what one or the other kind of proxy writes.
_HEADERS: Final = {
    X_FORWARDED: (
        'HTTP_X_FORWARDED_FOR', 'HTTP_X_FORWARDED_HOST', 'HTTP_X_FORWARDED_PROTO',
        'HTTP_X_FORWARDED_PREFIX',
    ),
    FORWARDED: ('HTTP_FORWARDED',),
}


class OnlyTrusted:
    """Leaves of each list of proxies the entry that the first trusted proxy wrote.

    Every proxy appends to these lists, so whatever a client sent of them comes
    before. oslo.middleware believes the whole of them. Headers of the other
    kind pass the proxies as the client sent them: they are dropped. Of their
    own kind the proxies have to set or remove every header.

    :param kind: ``X_FORWARDED`` or ``FORWARDED``: which ones the proxies write.
    :param proxies: how many trusted ones stand in a row.
    """

    def __init__(self, application: Application, kind: str, proxies: int):
        self._application = application
        self._proxies = proxies
        self._written = _HEADERS[kind]
        (self._others,) = (names for other, names in _HEADERS.items() if other != kind)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on."""
        for name in self._others:
            environ.pop(name, None)
        for name in self._written:
            value: str | None = environ.get(name)
            if value and ',' in value:
                entries = value.rsplit(',', self._proxies)
                environ[name] = entries[-min(self._proxies, len(entries))].strip()
        return self._application(environ, start_response)
