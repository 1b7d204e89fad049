"""What types of values take, refuse, and say of themselves."""

import datetime
import re
from typing import Any

import jsonschema
import pytest

from magnum.api.types import schemas
from magnum.api.types.scalars import (
    UUID,
    Boolean,
    Enum,
    Ignored,
    Integer,
    Labels,
    Names,
    Nameservers,
    NothingButNull,
    Proxy,
    Scalar,
    Taints,
    Text,
    Timestamp,
    coerce,
    timestamp,
)

_UUID = '0a1b2c3d-4e5f-6789-abcd-ef0123456789'
_TAINT = {'key': 'a', 'effect': 'NoSchedule'}
_WORDS = Enum('one', 'two', synonyms={'uno': 'one'})
_CODE = Text(3, pattern=re.compile('[a-c]+'))

#: A type, what a request gives, and what is stored.
TAKEN: list[tuple[Scalar, Any, Any]] = [
    (Text(), 'x', 'x'), (Text(), 'x' * 255, 'x' * 255), (Text(), '', None),
    (Text(minimum=0), '', ''), (_CODE, 'abc', 'abc'), (_CODE, '', None),
    (Integer(), 0, 0), (Integer(), 2**31 - 1, 2**31 - 1), (Integer(), ' +7 ', 7),
    (Integer(), '', None), (Integer(3, 4), 3, 3), (Integer(3, 4), '4', 4),
    (Integer(-9), '-9', -9),
    (Boolean(), True, True), (Boolean(), 0, False), (Boolean(), 'Yes', True),
    (Boolean(), ' off ', False), (Boolean(), '', None),
    (_WORDS, 'one', 'one'), (_WORDS, 'uno', 'one'), (_WORDS, '', None),
    (UUID(), _UUID, _UUID), (UUID(), f'{{{_UUID.upper()}}}', _UUID), (UUID(), '', None),
    (Nameservers(), '192.0.2.1, 2001:db8::1', '192.0.2.1, 2001:db8::1'),
    (Nameservers(), '', None),
    (Proxy(), 'http://proxy:3128', 'http://proxy:3128'), (Proxy(), '', None),
    (Labels(), {'a': 1}, {'a': '1'}), (Labels(), 'a=b,c=d', {'a': 'b', 'c': 'd'}),
    (Labels(), '', None),
    (Taints(), [_TAINT], [_TAINT]), (Taints(), [], []), (Taints(), ' ', []),
    (Taints(), [{**_TAINT, 'value': None}], [_TAINT]),
    (Taints(), [{**_TAINT, 'value': 'v'}], [{**_TAINT, 'value': 'v'}]),
    (Taints(), "[{'key': 'a', 'effect': 'NoSchedule'}]", [_TAINT]),
    (Names(), ['a', 'b'], ['a', 'b']), (Names(), [], []),
    (NothingButNull(), '', None), (NothingButNull(), {}, None), (NothingButNull(), [], None),
]
#: A type, what a request gives, and what it is told.
REFUSED: list[tuple[Scalar, Any, str]] = [
    (Text(), 5, 'Value should be string'), (Text(), 'a\0', 'Value should be text'),
    (Text(), 'x' * 256, 'Value should have a maximum character requirement of 255'),
    (_CODE, 'abd', 'Value should match the pattern ^[a-c]+$'),
    (Integer(), 'x', 'Value should be an integer'), (Integer(), True, 'Value should be an integer'),
    (Integer(), 1.0, 'Value should be an integer'),
    (Integer(), '1' * 11, 'Value should be an integer'),
    (Integer(3, 4), 2, 'Value should be greater or equal to 3'),
    (Integer(3, 4), 5, 'Value should be lower or equal to 4'),
    (Integer(), 2**31, 'Value should be lower or equal to 2147483647'),
    (Boolean(), 2, 'Value should be a boolean'), (Boolean(), [], 'Value should be a boolean'),
    (_WORDS, 'three', 'Value should be one of: one, two'),
    (_WORDS, 5, 'Value should be one of: one, two'),
    (UUID(), 'x', 'Value should be UUID format'), (UUID(), 5, 'Value should be UUID format'),
    (Nameservers(), '192.0.2.1, dns', '"dns" is not an IP address'),
    (Proxy(), 'http://u:p@proxy', 'The address holds credentials.'),
    (Proxy(), 'http://proxy"', 'An address holds no blanks, quotes, backslashes and the like.'),
    (Taints(), {}, 'Taints should be a list of objects.'),
    (Taints(), ['x'], 'A taint is an object of key, effect and value.'),
    (Taints(), [{**_TAINT, 'more': 1}], 'A taint is an object of key, effect and value.'),
    (Taints(), [{'effect': 'NoSchedule'}], 'A taint has a key, and an effect of: '),
    (Taints(), [{'key': 'a', 'effect': 'x'}], 'A taint has a key, and an effect of: '),
    (Taints(), [{'key': 5, 'effect': 'NoSchedule'}], 'Value should be string'),
    (Names(), 'a', 'Value should be a list of strings, none of them empty'),
    (Names(), ['a', ''], 'Value should be a list of strings, none of them empty'),
    (Names(), [5], 'Value should be string'),
    (NothingButNull(), 'x', 'This attribute is no longer supported'),
    (NothingButNull(), 0, 'This attribute is no longer supported'),
]
#: JSON Schema says nothing of these: it is no place for all rules.
_BEYOND_SCHEMA = (Nameservers, Proxy, Taints)


def _is_valid(value: object, schema: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize(('datatype', 'value', 'stored'), TAKEN)
def test_taken(datatype: Scalar, value: object, stored: object) -> None:
    found = datatype.validate(value)
    assert found == stored
    assert type(found) is type(stored)
    assert _is_valid(value, datatype.request_schema(mandatory=False))
    if stored is not None:
        assert _is_valid(value, datatype.request_schema(mandatory=True))
        assert _is_valid(stored, datatype.answer_schema())


@pytest.mark.parametrize(('datatype', 'value', 'told'), REFUSED)
def test_refused(datatype: Scalar, value: object, told: str) -> None:
    with pytest.raises(ValueError, match=f'^{re.escape(told)}'):
        datatype.validate(value)
    if not isinstance(datatype, _BEYOND_SCHEMA) and '\0' not in str(value) and value != 1.0:
        assert not _is_valid(value, datatype.request_schema(mandatory=False))


@pytest.mark.parametrize(
    'datatype', [Text(), Integer(), Boolean(), _WORDS, UUID(), Labels(), Taints(), Names()],
    ids=lambda datatype: datatype.name,
)
def test_only_what_is_optional_takes_null(datatype: Scalar) -> None:
    assert coerce(datatype, None) is None
    assert _is_valid(None, datatype.request_schema(mandatory=False))
    assert not _is_valid(None, datatype.request_schema(mandatory=True))


@pytest.mark.parametrize(
    'datatype', [Text(), _CODE, Integer(), Boolean(), _WORDS, UUID(), Names()],
    ids=lambda datatype: datatype.name,
)
def test_what_is_mandatory_is_not_empty(datatype: Scalar) -> None:
    assert not _is_valid('', datatype.request_schema(mandatory=True))


@pytest.mark.parametrize('datatype', [Labels(), Taints()], ids=lambda datatype: datatype.name)
def test_no_schema_takes_everything(datatype: Scalar) -> None:
    assert not _is_valid(5, datatype.request_schema(mandatory=False))
    assert not _is_valid([{'more': 1}], datatype.request_schema(mandatory=False))


def test_a_value_is_coerced() -> None:
    assert coerce(Integer(), '5') == 5


def test_objects_and_lists_may_be_changed_from_inside() -> None:
    structured = {type(datatype) for datatype, *_ in TAKEN if datatype.structured}
    assert structured == {Labels, Taints}


def test_schemas_of_answers() -> None:
    assert Integer(3, 4).answer_schema() == {'type': 'integer', 'minimum': 3, 'maximum': 4}
    assert _WORDS.answer_schema() == {'type': 'string', 'enum': ['one', 'two']}
    taint = Taints().answer_schema()['items']
    assert taint['required'] == ['key', 'effect']
    assert not _is_valid({**_TAINT, 'value': None}, taint)
    assert not _is_valid({**_TAINT, 'effect': 'x'}, taint)
    assert not _is_valid({}, Taints().answer_schema())
    assert Ignored().request_schema(mandatory=True) == {}
    with pytest.raises(NotImplementedError):
        Ignored().answer_schema()
    with pytest.raises(NotImplementedError):
        Scalar().request_schema(mandatory=True)


def test_points_of_time() -> None:
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    text = '2024-05-06T07:08:09.000000+00:00'
    assert (timestamp(moment), Timestamp.tobasetype(moment)) == (text, text)
    assert timestamp(None) is None
    assert _is_valid(text, Timestamp().answer_schema())
    assert Timestamp().answer_schema() == schemas.TIMESTAMP
