"""Runs in the environment of openstacksdk: calls its methods as told.

A line of standard input is a JSON object, a line of standard output what
came of it::

    {"of": "proxy", "method": "get_cluster", "arguments": ["first"]}
    {"result": {"id": …}}

``of`` is ``proxy`` (the service's methods), ``cloud`` (those of the
connection), or ``cluster`` (those of a cluster). With ``cluster`` or
``template``, the object of that name or id is the first argument.
"""

import json
import os
import sys
import types
import warnings
from typing import Any

import openstack


def _plain(value: Any) -> Any:
    if isinstance(value, types.GeneratorType):
        value = list(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.to_dict() if hasattr(value, 'to_dict') else value


class Calls:
    def __init__(self) -> None:
        options = {k[3:].lower(): v for k, v in os.environ.items() if k.startswith('OS_')}
        options.pop('identity_api_version')
        self.cloud = openstack.connect(**options)
        self.proxy = self.cloud.container_infrastructure_management

    def do(
        self, of: str, method: str, arguments: Any = (), options: Any = None,
        cluster: str | None = None, template: str | None = None,
    ) -> Any:
        options = options or {}
        if cluster:
            thing = self.proxy.get_cluster(cluster)
            if of == 'cluster':
                return getattr(thing, method)(self.proxy, *arguments, **options)
            arguments = (thing, *arguments)
        if template:
            arguments = (self.proxy.get_cluster_template(template), *arguments)
        return getattr(getattr(self, of), method)(*arguments, **options)

    def answer(self, line: str) -> dict[str, Any]:
        try:
            return {'result': _plain(self.do(**json.loads(line)))}
        except Exception as error:
            return {'error': type(error).__name__, 'message': str(error)}


def main() -> None:
    warnings.simplefilter('ignore')
    calls = Calls()
    for line in sys.stdin:
        print(json.dumps(calls.answer(line), default=str), flush=True)


if __name__ == '__main__':
    main()
