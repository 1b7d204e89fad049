"""Labels and headers that somebody sends to do harm: long, deep, torn, or half right."""

import random
from typing import Any, Final

_LONG: Final = 30_000
_WORDS: Final = (
    'kube_tag', 'boot_volume_size', 'availability_zone', 'kubelet_options', 'x', '', ' ', '\0',
    '\ud800', "'", '"', '\\', '{', '}', '=', ',', '\n', '\r\n', '%s', '$(id)', '<b>', 'é', '💣',
    '../..', 'null', 'True', '-1', '1e999', '9' * 5000, 'a' * 5000,
)
#: Texts in place of an object of labels.
TEXTS: Final = (
    "{'a': f'" + '{1}' * _LONG + "'}", "{'a': f'{1:" + '{1}' * _LONG + "}'}",
    '{"a":' * 20_000, '[' * _LONG, '{' * _LONG, "{'a': " + '-' * _LONG + '1}',
    "{'a': " + '(' * 90 + '1' + ')' * 90 + '}', "{'a': '\\UFFFFFFFF'}", "{'a': '\\x'}",
    "{'a': '\\ud800'}", "{'a': b'x'}", "{'a': 1j}", "{'a': __import__('os')}", '{1: 2}', '{[]: 1}',
    "{'a': 1, 'a': 2}", 'a=1,' * 20_000, ',' * _LONG, '=' * _LONG, 'a=b=c', 'a', '{}', '[]', 'null',
    '"a"', 'nan', '{"a": NaN}', '{"a": 1e999}', '{"a": ' + '9' * 5000 + '}', '\ufeff{}', "u'a'",
    "{u'kube_tag': u'v1.34.1'}", "{'a': {'b': {}}}", ' ' * _LONG, 'kube_tag=v1.34.1' + '\0',
)
#: Headers and values, as no browser and no library sends them.
HEADERS: Final = tuple(
    (name, value)
    for name, values in {
        'Accept': ('*/*;q=x', 'a/b;q=0.1,' * 3000, ';' * 9000, 'text/event-stream;q=2', '\xff'),
        'Accept-Encoding': ('gzip;q=' + '0' * 9000,),
        'Content-Type': (
            'multipart/form-data; boundary=', 'application/json; charset=\xff', ';', 'x' * 9000,
            'application/x-www-form-urlencoded; charset=utf-7',
        ),
        'If-Match': ('"', '*,' * 9000, 'W/"1"', '\xff', '"' + '1' * 9000 + '"'),
        'If-None-Match': ('"', '*,' * 9000, '\xff'),
        'Idempotency-Key': ('', 'x' * 256, '\xff', "'; drop table bay; --"),
        'Last-Event-ID': ('x', '\xff', 'A' * 11, '-' * 9000),
        'OpenStack-API-Version': (
            'container-infra', 'container-infra 1.1,' * 1500, 'container-infra 1.99999999999',
            'container-infra -1.-1', 'container-infra \xb2.\xb3', 'container-infra 1.' + '0' * 9000,
        ),
        'X-OpenStack-Magnum-API-Version': ('1.', '1.1.1', '\xff', '9' * 9000),
        'X-Openstack-Request-Id': ('req-' + 'x' * 9000, '\xff'),
        'Forwarded': ('for=', 'for="[', ';,;,' * 3000),
        'X-Forwarded-For': ('\xff', ',' * 9000, '1.2.3.4' * 2000),
        'X-Forwarded-Proto': ('javascript', '\xff'),
        'Range': ('bytes=0-', 'bytes=' + '0-,' * 3000),
        'Cookie': ('a=b;' * 3000,),
        'X-Roles': ('admin',),
        'X-User-Id': ('\xff',),
        'X-Project-Id': ('x' * 9000,),
        'X-Identity-Status': ('Confirmed',),
    }.items()
    for value in values
)


def labels(dice: random.Random) -> Any:
    """A text, or an object of words that were never meant for it."""
    if dice.random() < 0.6:
        return dice.choice(TEXTS)
    return {
        dice.choice(_WORDS): dice.choice((
            dice.choice(_WORDS), None, True, [], {}, 10**400, -0.0, 1e308, [[[[[[]]]]]],
        ))
        for _ in range(dice.randrange(1, 4))
    }


def header(dice: random.Random) -> tuple[str, str]:
    """A name and a value."""
    return dice.choice(HEADERS)
