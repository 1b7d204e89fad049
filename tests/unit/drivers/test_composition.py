"""Templates composed of parts."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest

from magnum.drivers import composition, files, node_files, templates
from magnum.drivers.contract import MASTER, WORKER
from tests.unit.drivers import hot

FOLDERS = ('kubernetes', 'swarm', 'mesos')
every_folder = pytest.mark.parametrize('folder', FOLDERS)

# Documents of HOT that living stacks were made of.
DIGESTS = {
    'common/templates/listener.yaml': '599168bb6e10b658',
    'common/templates/load_balancer.yaml': '17ea5c890b2e24cd',
    'common/templates/master_address.yaml': '73d266b2add3779e',
    'common/templates/member.yaml': '008386c6d4b3a6ba',
    'common/templates/network.yaml': 'cfa7f1901fd8c287',
    'common/templates/node.yaml': '72981f03d8381ab3',
    'kubernetes/templates/bay.yaml': '3bc221b781ab756b',
    'kubernetes/templates/minion.yaml': 'aa2609e8a404c7ec',
    'kubernetes/templates/nodegroup.yaml': '2de9d426cd8075be',
    'kubernetes/templates/worker_steps.yaml': '74f5d8554e178e66',
    'mesos/templates/bay.yaml': 'd024172e6ff00d93',
    'mesos/templates/nodegroup.yaml': '484052b193d4d2b1',
    'mesos/templates/worker_steps.yaml': '3d9f8a4b8642aeb3',
    'swarm/templates/bay.yaml': '569a38547758e1da',
    'swarm/templates/nodegroup.yaml': '5bf15e225c93bd9f',
    'swarm/templates/worker_steps.yaml': '09d3fe578ed74b77',
}


def merged(*documents: dict[str, Any]) -> Any:
    """As a template whose parts are all documents but the last."""
    return composition.merge(documents, composition.variables_of(documents))


def test_mappings_are_merged_and_other_values_replaced() -> None:
    part = {'resources': {'port': {'type': 'Port', 'rules': [1, 2]}}, 'description': 'A part.'}
    own = {'resources': {'port': {'rules': [3]}, 'server': {}}, 'description': 'All of it.'}
    assert merged(part, own) == {
        'resources': {'port': {'type': 'Port', 'rules': [3]}, 'server': {}},
        'description': 'All of it.',
    }
    assert part['resources'] == {'port': {'type': 'Port', 'rules': [1, 2]}}, 'it is used again'


def test_variables_are_replaced_in_keys_and_values() -> None:
    part = {
        'variables': {'port': 1, 'all': [{'get_attr': ['<masters>', 'port']}]},
        'outputs': {'<masters>_private': '<all>', 'port': ['<port>', 'of <masters>']},
    }
    own = {
        'variables': {'masters': 'managers', 'port': 2},
        'outputs': {'managers_private': '<all>'},
    }
    assert merged(part, own) == {
        'outputs': {
            'managers_private': [{'get_attr': ['managers', 'port']}],
            'port': [2, 'of managers'],
        }
    }


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match='masters'):
        merged({'outputs': {'<masters>': {}}})


@every_folder
@pytest.mark.parametrize('kind', ['bay', 'nodegroup'])
def test_heat_gets_nothing_but_hot(folder: str, kind: str) -> None:
    template = templates.load(f'{folder}/templates/{kind}.yaml')
    nested = [text for name, text in template.files.items() if '/templates/' in name]
    for text in (template.text, *nested):
        assert hot.parse(text)['heat_template_version']
        assert not composition.VARIABLE.search(text)


def test_a_template_without_parts_is_sent_as_it_is_written() -> None:
    name = 'common/templates/network.yaml'
    assert templates.read(name) == files.read(name)


@every_folder
def test_every_file_of_a_driver_is_for_some_node(folder: str) -> None:
    found = composition.variables_of([composition.parse(f'{folder}/templates/variables.yaml')])
    excluded = found.get('excluded_files', ())
    given = {
        member.source
        for role in (MASTER, WORKER)
        for member in composition.files_of_nodes(folder, role)
    }
    common = {f'common/node/{name}' for name in excluded}
    assert given | common == {*files.names('common/node'), *files.names(f'{folder}/node')}


def test_files_lie_where_their_names_say() -> None:
    found = {
        member.path: member.is_program
        for member in node_files.for_role('kubernetes', MASTER, ['40-docker.sh'])
    }
    assert found['steps/50-etcd.sh'] is True
    assert found['manifests/addons.yaml'] is False
    assert found['kubernetes.sh'] is False
    assert found['magnum-curl'] is True
    assert found['agent/__main__.py'] is False
    assert found['directives/drain.sh'] is True
    assert {'steps/50-etcd.sh', 'directives/drain.sh'}.isdisjoint(
        member.path for member in node_files.for_role('kubernetes', WORKER, ['40-docker.sh'])
    )


@pytest.mark.parametrize('name', node_files.OF_USER_DATA)
def test_heat_replaces_nothing_in_what_user_data_has(name: str) -> None:
    assert '$' not in files.read(f'common/node/{name}')


def test_equal_files_give_equal_packs() -> None:
    members = composition.files_of_nodes('swarm', MASTER)
    assert node_files.pack(members) == node_files.pack(members)


@pytest.mark.parametrize('line', ['', '# roles:', '# roles: master workers'])
def test_a_file_has_to_say_its_roles(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(files, 'read', lambda name: f'#!/bin/sh\n{line}\n')
    with pytest.raises(ValueError, match='has no line'):
        node_files.for_role('mesos', MASTER, [])


def test_excluded_files_have_to_exist() -> None:
    with pytest.raises(ValueError, match='40-dokker'):
        node_files.for_role('kubernetes', MASTER, ['40-dokker.sh'])


#: In a process of its own, whose templates nobody has asked for yet.
_ASK_AT_ONCE = '''
import concurrent.futures, threading
from magnum.drivers import node_files, templates

packed, pack, together = [], node_files.pack, threading.Barrier(8)

def count(members):
    packed.append([member.path for member in members])
    return pack(members)

def ask(_):
    together.wait()
    return templates.load('kubernetes/templates/bay.yaml')

node_files.pack = count
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    texts = {template.text for template in pool.map(ask, range(8))}
print(len(texts), len(packed))
'''


def test_a_template_is_composed_once_however_many_ask_for_it() -> None:
    found = subprocess.run(
        [sys.executable, '-c', _ASK_AT_ONCE], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ['1', str(len((MASTER, WORKER)))]


def _digests() -> dict[str, str]:
    texts: dict[str, Any] = {}
    for folder in FOLDERS:
        for kind in ('bay', 'nodegroup'):
            name = f'{folder}/templates/{kind}.yaml'
            template = templates.load(name)
            texts |= {name: template.text, **template.files}
    return {
        name: hashlib.sha256(
            json.dumps(hot.parse(text), default=str, sort_keys=True).encode()
        ).hexdigest()[:16]
        for name, text in texts.items() if '/templates/' in name
    }


def test_living_stacks_keep_their_documents() -> None:
    """An upgrade brings a bay the documents of today, which must replace no master.

    After a change on purpose that no resource is replaced by, write its
    digest down here.
    """
    assert _digests() == DIGESTS
