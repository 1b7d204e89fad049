"""Filters of lists, the choice of members, and what is refused of either."""

import datetime
import time
from typing import Any

import pytest

from magnum.api import errors
from magnum.api.http import filtering
from magnum.db.repositories.filters import NONE, Filters

KNOWN = ('name', 'status', 'uuid')
AT_THREE = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(('query', 'expected'), [
    ({}, {}), ({'limit': '5'}, {}), ({'name': 'a'}, {'name': 'a'}), ({'name': ''}, {'name': ''}),
    ({'baymodel': 'k8s'}, {'baymodel': 'k8s'}),
    ({'status': 'CREATE_COMPLETE'}, {'status': 'CREATE_COMPLETE'}),
    ({'coe': 'swarm'}, {'coe': 'swarm'}), ({'coe': 'swarm-mode'}, {'coe': 'swarm'}),
    ({'label': 'a'}, {'label': ('a', None)}), ({'label': 'a='}, {'label': ('a', '')}),
    ({'label': 'a.b/c-d_e=x=y'}, {'label': ('a.b/c-d_e', 'x=y')}),
    ({'label': 'a' * 255}, {'label': ('a' * 255, None)}),
    ({'changed_since': '2026-01-02T03:04:05'}, {'changed_since': AT_THREE}),
    ({'changed_since': '2026-01-02T04:04:05+01:00'}, {'changed_since': AT_THREE}),
    ({'changed_since': '2026-01-02T04:04:05 01:00'}, {'changed_since': AT_THREE}),
])
def test_filters(query: dict[str, str], expected: dict[str, Any]) -> None:
    found = filtering.filters(query)
    assert found == Filters(**expected)
    assert found.changed_since is None or found.changed_since.tzinfo is datetime.UTC


def test_nothing_is_made_for_a_request_without_filters() -> None:
    assert filtering.filters({'limit': '5'}) is NONE


@pytest.mark.parametrize(('argument', 'value', 'said'), [
    ('name', 'a\0', 'Value should be text'), ('baymodel', '\ud800', 'Value should be text'),
    ('status', 'BUILT', 'Value should be one of: ADOPT_COMPLETE, CHECK_COMPLETE, '),
    ('coe', 'nomad', 'Value should be one of: kubernetes, mesos, swarm'),
    ('label', '', 'Value should be <key> or <key>=<value>'),
    ('label', '=x', 'Value should be <key> or <key>=<value>'),
    ('label', 'a b', 'Value should be <key> or <key>=<value>'),
    ('label', 'a"b', 'Value should be <key> or <key>=<value>'),
    ('label', 'a' * 256, 'Value should be <key> or <key>=<value>'),
    ('label', 'a=\0', 'Value should be <key> or <key>=<value>'),
    ('changed_since', 'yesterday', 'Value should be a time in ISO 8601'),
    ('changed_since', '', 'Value should be a time in ISO 8601'),
    ('changed_since', '0001-01-01T00:00:00+23:59', 'Value should be a time in ISO 8601'),
])
def test_filters_refused(argument: str, value: str, said: str) -> None:
    with pytest.raises(errors.APIError) as caught:
        filtering.filters({argument: value})
    assert caught.value.kind is errors.requests.INVALID_VALUE
    assert said in caught.value.detail
    assert caught.value.source == errors.parameter(argument)


@pytest.mark.parametrize(('query', 'expected'), [
    ({}, None), ({'fields': 'name'}, {'name'}), ({'fields': ' name ,,uuid,'}, {'name', 'uuid'}),
])
def test_members(query: dict[str, str], expected: set[str] | None) -> None:
    assert filtering.members(query, KNOWN) == expected


@pytest.mark.parametrize('listed', ['', ' , ', 'name,size', 'NAME'])
def test_members_refused(listed: str) -> None:
    with pytest.raises(errors.APIError, match='should be some of: name, status, uuid') as caught:
        filtering.members({'fields': listed}, KNOWN)
    assert f"Value: '{listed}'." in caught.value.detail
    assert caught.value.source == errors.parameter('fields')


def test_documents_with_the_chosen_members() -> None:
    document = {'name': 'a', 'uuid': 'u'}
    assert filtering.narrow(document, None) == document
    assert filtering.narrow(document, None) is not document
    assert filtering.narrow(document, frozenset({'uuid', 'status'})) == {'uuid': 'u'}


@pytest.mark.parametrize(('query', 'told'), [
    ({'name': 'a\0'}, 'Value should be text'),
    ({'label': 'a b=c'}, 'Value should be <key> or <key>=<value>'),
    ({'changed_since': 'monday'}, 'Value should be a time in ISO 8601'),
])
def test_a_refusal_names_the_argument_and_its_value(query: dict[str, str], told: str) -> None:
    ((argument, value),) = query.items()
    with pytest.raises(errors.APIError) as raised:
        filtering.filters(query)
    assert raised.value.source == {'parameter': argument}
    assert raised.value.detail == (
        f"Invalid input for field/attribute {argument}. Value: '{value}'. {told}"
    )


def test_a_time_without_a_zone_is_utc_wherever_the_service_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv('TZ', 'Asia/Tokyo')
        time.tzset()
        found = filtering.filters({'changed_since': '2026-01-02T03:04:05'})
    time.tzset()
    assert found.changed_since == AT_THREE
