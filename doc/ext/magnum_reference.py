"""Directives that make the API reference out of the OpenAPI document.

``magnum-reference`` shows the routes of one tag, ``magnum-members`` the
members of one component, ``magnum-sample`` one exchange. A route is shown with
its samples: exchanges that the tests have recorded.
"""

import functools
import json
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from magnum.api.openapi import document

_SAMPLES: Final = pathlib.PurePath('api', 'samples')
_METHODS: Final = ('get', 'post', 'patch', 'delete')


@functools.cache
def _description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(document.text())
    return loaded


def _resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    if '$ref' not in part:
        return part
    found: Any = _description()
    for name in part['$ref'].removeprefix('#/').split('/'):
        found = found[name]
    return found  # type: ignore[no-any-return]


def _literals(words: str) -> str:
    """Double quotes as literals."""
    return ''.join(
        f'``{part}``' if number % 2 else part for number, part in enumerate(words.split('"'))
    )


def _table(header: Iterable[str], rows: Iterable[Iterable[str]], widths: str) -> list[str]:
    lines = ['.. list-table::', '   :header-rows: 1', f'   :widths: {widths}', '']
    for row in (header, *rows):
        for number, cell in enumerate(row):
            lines.append(f'{"   * -" if number == 0 else "     -"} {cell}'.rstrip())
    return [*lines, '']


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a word or two."""
    schema = _resolved(schema)
    if 'const' in schema:
        return f'``{json.dumps(schema["const"])}``'
    if 'enum' in schema:
        words = (word for word in schema['enum'] if word not in ('', None))
        kinds = [', '.join(f'``{word}``' for word in words) or 'null']
    elif 'anyOf' in schema:
        kinds = [_kind(one) for one in schema['anyOf'] if one != {'enum': ['', None]}]
    else:
        named = schema.get('type', 'anything')
        kinds = [named] if isinstance(named, str) else [one for one in named if one != 'null']
        if 'array' in kinds:
            kinds = [f'list of {_kind(schema["items"])}']
    limits = [
        f'{words} {schema[name]}'
        for name, words in (
            ('minimum', 'from'), ('maximum', 'to'), ('minLength', 'length from'),
            ('maxLength', 'length to'),
        )
        if schema.get(name) not in (None, 0, 2**31 - 1)
    ]
    return ', '.join([' or '.join(dict.fromkeys(kinds)), *limits])


def _version(part: Mapping[str, Any]) -> str:
    return str(part.get('x-openstack', {}).get('min-ver', ''))


class Members(SphinxDirective):
    """``magnum-members``: the members of a component."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A table."""
        schema = _description()['components']['schemas'][self.arguments[0]]
        needed = schema.get('required', ())
        rows = (
            (
                f'``{name}``',
                'yes' if name in needed else '',
                _kind(member),
                _literals(_resolved(member).get('description', '')),
            )
            for name, member in schema['properties'].items()
        )
        lines = _table(('Member', 'Always', 'Value', 'Meaning'), rows, '22 8 30 40')
        return self.parse_text_to_nodes('\n'.join(lines))


class Reference(SphinxDirective):
    """``magnum-reference``: the routes of a tag, each in a section."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Sections."""
        lines: list[str] = []
        for path, methods in _description()['paths'].items():
            for method in _METHODS:
                described = methods.get(method)
                if described and self.arguments[0] in described['tags']:
                    lines += _route(method.upper(), path, described)
                    lines += self._samples(method, path)
        return self.parse_text_to_nodes('\n'.join(lines), allow_section_headings=True)

    def _samples(self, method: str, path: str) -> Iterator[str]:
        folder = pathlib.Path(self.env.srcdir, _SAMPLES)
        for file in sorted(folder.glob('*.json')):
            sample = json.loads(file.read_text())
            request = sample['request']
            place = request['path'].partition('?')[0]
            # ``detail`` is a route of its own, no name.
            if request['method'] != method.upper() or _route_of(method, place) != path:
                continue
            self.env.note_dependency(str(file))
            yield from _sample(sample)


class Sample(SphinxDirective):
    """``magnum-sample``: an exchange by the name of its file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The request and the answer."""
        file = pathlib.Path(self.env.srcdir, _SAMPLES, f'{self.arguments[0]}.json')
        self.env.note_dependency(str(file))
        return self.parse_text_to_nodes('\n'.join(_sample(json.loads(file.read_text()))))


def _route_of(method: str, place: str) -> str | None:
    """The path, in the document, of a sample; those without braces are asked first."""
    paths = sorted(_description()['paths'], key=lambda path: (path.count('{'), path))
    for path in paths:
        pattern = re.sub(r'\\\{\w+\\\}', '[^/]+', re.escape(path))
        if re.fullmatch(pattern, place) and method in _description()['paths'][path]:
            return path
    return None


def _route(method: str, path: str, described: Mapping[str, Any]) -> Iterator[str]:
    yield from (described['summary'], '-' * len(described['summary']), '')
    yield from (f'``{method} {path}``', '')
    since = _version(described)
    if since:
        unasked = '; it also answers a request that names no version'
        note = described['x-openstack'].get('note')
        yield from (f'From microversion {since} on{unasked if note else ""}.', '')
    rules = ', '.join(f'``{rule}``' for rule in described.get('x-openstack-policy', ()))
    if rules:
        yield from (f'Policy rules: {rules}.', '')
    elif described.get('security') == []:
        yield from ('No token is needed.', '')
    yield from _arguments(described)
    for media_type, body in described.get('requestBody', {}).get('content', {}).items():
        component = body['schema'].get('$ref', '').rpartition('/')[2]
        yield from (f'Body: ``{media_type}``{f", ``{component}``" if component else ""}.', '')
    yield from _answers(described)


def _arguments(described: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (
            f'``{parameter["name"]}``',
            parameter['in'],
            _kind(parameter['schema']),
            ' '.join(
                [
                    _literals(parameter['description']),
                    f'From {_version(parameter)} on.' if _version(parameter) else '',
                ]
            ).strip(),
        )
        for parameter in map(_resolved, described['parameters'])
    ]
    if rows:
        yield from _table(('Argument', 'In', 'Value', 'Meaning'), rows, '22 8 25 45')


def _answers(described: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    refusals = []
    for status, response in described['responses'].items():
        if int(status) >= 400:
            refusals.append(status)
            continue
        forms = [
            form
            for content in response.get('content', {}).values()
            for form in content['schema'].get('anyOf', [content['schema']])
        ]
        rows.append((status, ', '.join(map(_form, forms)) or 'no body', _headers(response)))
    if rows:
        yield from _table(('Status', 'Body', 'Headers'), rows, '10 50 40')
    yield from (f'Refusals: {", ".join(refusals)}; see :doc:`errors/index`.', '')


def _form(form: Mapping[str, Any]) -> str:
    name = form.get('$ref', '').rpartition('/')[2]
    limits = form.get('x-openstack', {})
    words = [
        f'from {limits["min-ver"]} on' if 'min-ver' in limits else '',
        f'up to {limits["max-ver"]}' if 'max-ver' in limits else '',
        f'with ``{limits["query"]}``' if 'query' in limits else '',
    ]
    said = ', '.join(filter(None, words))
    return f'``{name}``{f" ({said})" if said else ""}' if name else 'text'


def _headers(response: Mapping[str, Any]) -> str:
    general = ('X-Openstack-Request-Id', 'Vary')
    names = (
        name for name in response.get('headers', {})
        if name not in general and not name.startswith('OpenStack-API')
    )
    return ', '.join(f'``{name}``' for name in names)


def _sample(sample: Mapping[str, Any]) -> Iterator[str]:
    request, answer = sample['request'], sample['response']
    first = f'{request["method"]} {request["path"]}'
    yield from _code(first, request)
    yield from _code(str(answer['status']), answer)


def _code(first: str, part: Mapping[str, Any]) -> Iterator[str]:
    lines = [first, *(f'{name}: {value}' for name, value in part['headers'].items())]
    yield from ('.. code-block:: text', '', *(f'   {line}' for line in lines), '')
    if 'body' in part:
        body = json.dumps(part['body'], indent=2, ensure_ascii=False).splitlines()
        yield from ('.. code-block:: json', '', *(f'   {line}' for line in body), '')


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive('magnum-reference', Reference)
    app.add_directive('magnum-members', Members)
    app.add_directive('magnum-sample', Sample)
    return {'parallel_read_safe': True}
