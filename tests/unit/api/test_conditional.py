"""ETags, and the requests that name them."""

import pytest
import webob

from magnum.api import errors
from magnum.api.http import conditional
from magnum.api.http.conditional import Precondition


def _request(header: str, value: str | None) -> webob.Request:
    return webob.Request.blank('/', headers={} if value is None else {header: value})


@pytest.mark.parametrize(('tags', 'is_met'), [
    (None, True), ('*', True), ('"7"', True), ('"6", "7"', True), ('"6" ,*', True),
    ('"6"', False), ('7', False), ('W/"7"', False), ('', False), ('"77"', False),
])
def test_if_match(tags: str | None, is_met: bool) -> None:
    precondition = Precondition.of(_request('If-Match', tags))
    if is_met:
        precondition.check(7)
        return
    with pytest.raises(errors.APIError) as caught:
        precondition.check(7)
    assert caught.value.kind is errors.requests.PRECONDITION_FAILED
    assert caught.value.detail == 'It was changed since: its ETag is now "7".'
    assert caught.value.headers == conditional.etag(7) == {'ETag': '"7"'}
    assert caught.value.source == errors.header('If-Match')


@pytest.mark.parametrize(('known', 'tag', 'expected'), [
    ('"7"', '"7"', True), ('W/"7"', '"7"', True), ('"6", W/"7"', '"7"', True),
    ('"6","7"', '"7"', True), ('"6"', '"7"', False), (None, '"7"', False), ('"7"', None, False),
    ('', '"7"', False),
])
def test_if_none_match(known: str | None, tag: str | None, expected: bool) -> None:
    assert conditional.is_unchanged(_request('If-None-Match', known), tag) is expected
