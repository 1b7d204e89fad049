"""Which headers of proxies are believed."""

from typing import Any

import pytest

from magnum.api.http.forwarded import FORWARDED, X_FORWARDED, OnlyTrusted


def _left(headers: dict[str, str], kind: str = X_FORWARDED, proxies: int = 1) -> dict[str, str]:
    seen: dict[str, str] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    OnlyTrusted(application, kind, proxies)(dict(headers), None)
    return seen


@pytest.mark.parametrize(('proxies', 'sent', 'believed'), [
    (1, '203.0.113.9', '203.0.113.9'), (1, '1.1.1.1, 203.0.113.9', '203.0.113.9'),
    (1, '1.1.1.1,2.2.2.2,203.0.113.9', '203.0.113.9'),
    (2, '1.1.1.1, 203.0.113.9, 10.0.0.1', '203.0.113.9'), (2, '203.0.113.9', '203.0.113.9'),
    (3, '203.0.113.9, 10.0.0.1', '203.0.113.9'), (1, 'x' * 9000 + ', 203.0.113.9', '203.0.113.9'),
])
def test_what_clients_send_is_dropped(proxies: int, sent: str, believed: str) -> None:
    for name in (f'HTTP_X_FORWARDED_{what}' for what in ('FOR', 'HOST', 'PROTO', 'PREFIX')):
        assert _left({name: sent}, proxies=proxies) == {name: believed}


def test_rfc_7239() -> None:
    sent = {
        'HTTP_FORWARDED': 'for=1.1.1.1;host=evil, for=203.0.113.9;proto=https',
        'HTTP_X_FORWARDED_FOR': '1.1.1.1', 'HTTP_X_FORWARDED_HOST': 'evil', 'HTTP_HOST': 'magnum',
        'HTTP_X_FORWARDED_PREFIX': '/evil',
    }
    assert _left(sent, FORWARDED) == {
        'HTTP_FORWARDED': 'for=203.0.113.9;proto=https', 'HTTP_HOST': 'magnum',
    }


def test_headers_that_the_proxies_do_not_write_are_dropped() -> None:
    sent = {'HTTP_FORWARDED': 'for=1.1.1.1', 'HTTP_X_FORWARDED_FOR': '203.0.113.9'}
    assert _left(sent) == {'HTTP_X_FORWARDED_FOR': '203.0.113.9'}
