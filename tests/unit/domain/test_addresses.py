"""Credentials in addresses."""

import pytest

from magnum.domain import addresses

SECRET = 'pa55'


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        (f'http://me:{SECRET}@proxy:3128', 'http://***@proxy:3128'),
        (f'http://{SECRET}@proxy', 'http://***@proxy'),
        (f'me:{SECRET}@proxy:3128', '***@proxy:3128'),
        (f'http://me:{SECRET}@b@proxy/path', 'http://***@proxy/path'),
        (f"{{'http_proxy': 'http://me:{SECRET}@proxy'}}", "{'http_proxy': 'http://***@proxy'}"),
    ],
)
def test_credentials_are_seen_and_hidden(text: str, shown: str) -> None:
    assert addresses.has_credentials(text)
    assert addresses.without_credentials(text) == shown


@pytest.mark.parametrize(
    'text', ['http://proxy:3128', 'proxy:3128', '', 'http://[::1]:3128/x@y', 'https://p/?a=b@c']
)
def test_other_addresses_stay(text: str) -> None:
    assert not addresses.has_credentials(text)
    assert addresses.without_credentials(text) == text


@pytest.mark.parametrize(
    'text', ['a b', 'a\nb', 'a"b', "a'b", 'a\\b', 'a`b', 'a$b', 'a<b', 'a>b', '$(id)']
)
def test_addresses_that_break_out_of_a_file(text: str) -> None:
    assert addresses.breaks_out(f'http://proxy/{text}')


def test_addresses_that_stay_in_their_place() -> None:
    assert not addresses.breaks_out('https://proxy.example.org:3128/a-b_c?d=e&f=%20#g')
