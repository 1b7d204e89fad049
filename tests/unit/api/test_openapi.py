"""Routes, types, policy, errors and the OpenAPI document say the same."""

import functools
import importlib
import json
import operator
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest

from magnum import policies
from magnum.api import errors, openapi, routes, types, versions
from magnum.api.http.routing import Auth
from magnum.api.openapi import document, nodes
from magnum.api.openapi.resources import COMPONENTS, OPERATIONS
from magnum.api.types.fields import ResourceType

DOCUMENT: dict[str, Any] = json.loads(document.text())
ROUTES = {(route.method, route.path): route for route in routes.ROUTES}
DESCRIBED = {
    (method.upper(), path): described
    for path, methods in DOCUMENT['paths'].items()
    for method, described in methods.items()
}


def _resource_types() -> Iterator[ResourceType]:
    for module in pkgutil.iter_modules(types.__path__):
        for value in vars(importlib.import_module(f'{types.__name__}.{module.name}')).values():
            found = value.values() if isinstance(value, dict) else (value,)
            yield from (one for one in found if isinstance(one, ResourceType))


def test_the_document_is_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)


def test_every_route_is_described() -> None:
    assert DESCRIBED.keys() == ROUTES.keys()


def test_every_description_has_a_route() -> None:
    of_nodes = {route.handler.name for route in routes.of_nodes()}
    assert nodes.OPERATIONS.keys() == of_nodes
    assert OPERATIONS.keys() == {route.handler.name for route in routes.ROUTES} - of_nodes


def test_operations_have_names_of_their_own() -> None:
    names = [
        described['operationId']
        for methods in DOCUMENT['paths'].values() for described in methods.values()
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(('method', 'path'), sorted(ROUTES))
def test_arguments(method: str, path: str) -> None:
    parameters = DESCRIBED[method, path]['parameters']
    query = {
        one['name']: one.get('x-openstack', {}).get('min-ver', '1.1')
        for one in parameters if one.get('in') == 'query'
    }
    route = ROUTES[method, path]
    assert query == {name: versions.text(since) for name, since in route.query.items()}
    limits = DESCRIBED[method, path].get('x-openstack', {})
    assert limits.get('min-ver', '1.1') == versions.text(route.since)


def test_every_rule_guards_a_route() -> None:
    guarded = {
        (operation['method'], operation['path'])
        for rule in policies.list_rules() for operation in getattr(rule, 'operations', ())
    }
    assert guarded <= ROUTES.keys()
    without_rule = {key for key in ROUTES if 'x-openstack-policy' not in DESCRIBED[key]}
    public = {route.path for route in routes.ROUTES if route.auth is Auth.NONE}
    assert public == {'/', '/v1', '/v1/openapi.json'}
    of_nodes = {route.path for route in routes.of_nodes()}
    assert {path for _, path in without_rule} == (
        public | of_nodes | {'/v1/quotas/{project_id}'}
    )


@pytest.mark.parametrize(('method', 'path'), sorted(ROUTES))
def test_what_a_request_has_to_show(method: str, path: str) -> None:
    shown: dict[Auth, list[dict[str, list[str]]]] = {
        Auth.NONE: [], Auth.KEYSTONE: [{'X-Auth-Token': []}],
        Auth.NODE_TOKEN: [{'X-Bootstrap-Token': []}], Auth.NODE_KEY: [],
        Auth.NODE_SIGNATURE: [],
    }
    described = DESCRIBED[method, path].get('security', DOCUMENT['security'])
    assert described == shown[ROUTES[method, path].auth]


def test_every_error_is_described() -> None:
    described = [
        (code, int(status))
        for methods in DOCUMENT['paths'].values() for operation in methods.values()
        for status, response in operation['responses'].items() if int(status) >= 400
        for code in _codes(response)
    ]
    # A method that a path does not have has no operation that could say so.
    assert {*described, ('magnum.request.method_not_allowed', 405)} == {
        (kind.code, kind.status) for kind in errors.KINDS
    }


def _codes(response: dict[str, Any]) -> Iterator[str]:
    """The codes that a body of the response may have."""
    schema = _resolved(response)['content']['application/json']['schema']
    for form in map(_resolved, schema.get('anyOf', [schema])):
        if 'errors' in form['properties']:     # else it is the middleware's own
            code = form['properties']['errors']['items']['properties']['code']
            yield from code['enum'] if 'enum' in code else [code['const']]


def _resolved(part: dict[str, Any]) -> Any:
    """What a reference leads to; other parts are themselves."""
    names = part.get('$ref', '').split('/')[1:]
    return functools.reduce(operator.getitem, names, DOCUMENT) if names else part


@pytest.mark.parametrize(
    'resource', list(_resource_types()), ids=lambda resource: resource.dialect.title
)
def test_every_field_is_described(resource: ResourceType) -> None:
    taken = {name for name, field in resource.by_member.items() if not field.read_only}
    mandatory = {name for name in taken if resource.by_member[name].mandatory}
    assert any(
        set(schema.get('properties', ())) == taken and mandatory <= set(schema['required'])
        for name, schema in COMPONENTS.items() if name.endswith(('Request', 'Change'))
    )
    silent = {field.attribute for field in resource.fields if not field.meaning.endswith('.')}
    assert silent == set()


def test_every_component_is_used() -> None:
    text = json.dumps(DOCUMENT)
    unused = {
        f'#/components/{kind}/{name}'
        for kind, components in DOCUMENT['components'].items() if kind != 'securitySchemes'
        for name in components
        if f'"#/components/{kind}/{name}"' not in text
    }
    assert unused == set()


def test_nothing_is_loaded_until_somebody_asks() -> None:
    code = (
        'import magnum.cmd.api, sys; assert "magnum.api.app" in sys.modules; '
        f'sys.exit(any(name.startswith("{openapi.__name__}") for name in sys.modules))'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], timeout=300, check=False)
    assert done.returncode == 0
