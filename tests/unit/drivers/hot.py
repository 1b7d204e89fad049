"""A small reading of HOT: enough to see what a node would be sent."""

import email.mime.multipart
import email.mime.text
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import yaml

from magnum.drivers import node_files
from magnum.drivers.contract import StackRequest


def parse(text: str) -> dict[str, Any]:
    """A template as a mapping."""
    template = yaml.safe_load(text)
    assert set(template) <= {
        'heat_template_version',
        'description',
        'parameters',
        'conditions',
        'resources',
        'outputs',
    }
    return dict(template)


def _resolve(node: Any, files: Mapping[str, str], values: Mapping[str, str]) -> Any:
    """Functions of HOT to their results; the unknown become long words."""
    if isinstance(node, list):
        return [_resolve(item, files, values) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((function, argument),) = node.items()
        if function == 'get_file':
            return files[argument]
        if function == 'get_param':
            name = argument if isinstance(argument, str) else argument[0]
            return values.get(name, name)
        if function == 'list_join':
            delimiter, items = argument
            joined = _resolve(items, files, values)
            return joined if isinstance(joined, str) else delimiter.join(joined)
        if function == 'str_replace':
            return _replace(argument, files, values)
        if function == 'if':
            return max((_resolve(item, files, values) for item in argument[1:]), key=len)
        if function == 'get_resource':
            return 'x' * len('5f0e7d52-9a3c-4f5e-8f7e-0a1b2c3d4e5f')
        if function in ('get_attr', 'str_split'):
            # Addresses of all masters: nothing is longer.
            return 'x' * 500
    return {key: _resolve(value, files, values) for key, value in node.items()}


def _replace(
    argument: Mapping[str, Any], files: Mapping[str, str], values: Mapping[str, str]
) -> str:
    text: str = _resolve(argument['template'], files, values)
    for key, value in argument['params'].items():
        found = _resolve(value, files, values)
        text = text.replace(key, found if isinstance(found, str) else json.dumps(found))
    return text


def resources(request: StackRequest) -> dict[str, Any]:
    """What the stack has: resources without a condition, and those whose condition holds."""
    template = parse(request.template)
    defaults = {name: rule.get('default') for name, rule in template['parameters'].items()}
    values = {**defaults, **request.parameters}

    def holds(condition: Any) -> bool:
        if isinstance(condition, str):
            return holds(template['conditions'][condition])
        ((function, argument),) = condition.items()
        if function == 'get_param':
            return bool(values[argument])
        if function == 'equals':
            one, other = (
                values[each['get_param']] if isinstance(each, dict) else each for each in argument
            )
            return bool(one == other)
        if function == 'not':
            return not holds(argument)
        return {'and': all, 'or': any}[function](map(holds, argument))

    return {
        name: resource for name, resource in template['resources'].items()
        if 'condition' not in resource or holds(resource['condition'])
    }


def _group_member(template: dict[str, Any], role: str) -> dict[str, Any]:
    """The definition of one node: the group whose member takes the role's settings."""
    for resource in template['resources'].values():
        definition = resource.get('properties', {}).get('resource_def', {})
        if f'{role}_settings' in json.dumps(definition):
            return dict(definition)
    raise AssertionError(role)


def _steps(request: StackRequest, template: dict[str, Any], role: str) -> Any:
    """The software config of a role, in the template itself or in one below."""
    resource = template['resources'][f'{role}_steps']
    if resource['type'] in request.files:
        resource = parse(request.files[resource['type']])['resources']['config']
    return resource['properties']['config']


def user_data(request: StackRequest, role: str) -> str:
    """What a node of the role is sent, about as Heat would render it."""
    template = parse(request.template)
    parameters = {name: str(value) for name, value in request.parameters.items()}
    member = _group_member(template, role)
    values = {
        name: _resolve(value, request.files, parameters)
        for name, value in member['properties'].items()
    }
    values['steps'] = _resolve(_steps(request, template, role), request.files, parameters)
    node = parse(request.files[member['type']])
    message = email.mime.multipart.MIMEMultipart()
    for part in node['resources']['user_data']['properties']['parts']:
        text = _resolve(part['config'], request.files, values)
        piece = email.mime.text.MIMEText(text, part['subtype'], 'us-ascii')
        piece.add_header('Content-Disposition', 'attachment', filename=part['filename'])
        message.attach(piece)
    return message.as_string()


def _archived(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content), mode='r:xz') as archive:
        return {
            f'{node_files.FOLDER}/{member.name}': _text(archive, member) for member in archive
        }


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    assert file is not None
    return file.read().decode('ascii')


def files_of(request: StackRequest, role: str) -> dict[str, str]:
    """The files of a node: those that its user data has, and those that it fetches."""
    written = files_written(user_data(request, role))
    digest = written[f'{node_files.FOLDER}/digest'].strip()
    return {**_archived(request.archives[digest]), **written}


def files_written(message_text: str) -> dict[str, str]:
    """Of a node's user data: the files that its cloud-configs write."""
    files: dict[str, str] = {}
    for part in email.message_from_string(message_text).walk():
        if part.get_content_subtype() == 'cloud-config':
            text = part.get_payload()
            assert isinstance(text, str)
            header, body = text.split('\n', 1)
            assert header == '#cloud-config'
            for file in json.loads(body)['write_files']:
                assert 'encoding' not in file
                files[file['path']] = file['content']
    return files
