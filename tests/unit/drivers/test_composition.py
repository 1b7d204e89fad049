"""Templates composed of parts."""

import dis
import hashlib
import json
import pathlib
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from magnum.drivers import composition, files, node_files, templates
from magnum.drivers.contract import MASTER, WORKER
from tests.unit.drivers import hot

FOLDERS = ('kubernetes', 'swarm', 'mesos')
every_folder = pytest.mark.parametrize('folder', FOLDERS)

# Documents of HOT that living stacks were made of.
DIGESTS = {
    'common/templates/listener.yaml': '76a383a1d86037b7',
    'common/templates/load_balancer.yaml': '17ea5c890b2e24cd',
    'common/templates/master_address.yaml': '73d266b2add3779e',
    'common/templates/member.yaml': '008386c6d4b3a6ba',
    'common/templates/network.yaml': 'cfa7f1901fd8c287',
    'common/templates/node.yaml': '0676bdcc5c373e0e',
    'kubernetes/templates/bay.yaml': '0b2b61ec4264cc5e',
    'kubernetes/templates/minion.yaml': '73c28bdfbaea9e01',
    'kubernetes/templates/nodegroup.yaml': '2de9d426cd8075be',
    'kubernetes/templates/worker_steps.yaml': 'ae92ec88133b47bd',
    'mesos/templates/bay.yaml': 'cc5f14bb5ff2e667',
    'mesos/templates/nodegroup.yaml': '484052b193d4d2b1',
    'mesos/templates/worker_steps.yaml': '94716d958b7bd97d',
    'swarm/templates/bay.yaml': 'a0dbf5701f6152eb',
    'swarm/templates/nodegroup.yaml': '5bf15e225c93bd9f',
    'swarm/templates/worker_steps.yaml': '87cfae386dfe48e3',
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


@every_folder
def test_nodes_unpack_what_they_are_sent(folder: str, tmp_path: pathlib.Path) -> None:
    text = templates.load(f'{folder}/templates/bay.yaml').files[f'{folder}/node/master.archive']
    (tmp_path / 'files').write_text(text)
    node = yaml.safe_load(files.read('common/templates/node.yaml'))
    script = node['resources']['user_data']['properties']['parts'][-1]['config']
    script = script.replace('cd /opt/magnum', '').replace('exec /opt/magnum/run.sh', '')
    subprocess.run(['sh', '-c', script], cwd=tmp_path, check=True)
    for member in composition.files_of_nodes(folder, MASTER):
        file = tmp_path / member.path
        assert file.stat().st_mode & 0o777 == (0o700 if member.is_program else 0o600)
        if file.suffix == '.py':
            compile(file.read_text(), str(file), 'exec')


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


@pytest.mark.parametrize(
    ('name', 'text', 'bare'),
    [
        ('a.sh', '#!/bin/sh\n# roles: master\n# attempts: 3\n\ntrue # x\n',
         '#!/bin/sh\n# attempts: 3\ntrue # x\n'),
        ('a.py', '# roles: master\n"""Says.\n\nMore.\n"""\n\nx = """kept"""\n',
         "x = 'kept'\n"),
        ('a.py', '#!/usr/bin/python3\n# roles: master\nx = {  # why\n    1,\n}\n',
         '#!/usr/bin/python3\nx = {1}\n'),
        ('a.py', 'x = f\'{a["b"]}\'\n', 'x = f\'{a["b"]}\'\n'),
        ('a.py', 'x = f"{a[\'b\']}"\n', 'x = f"{a[\'b\']}"\n'),
        ('a.py', 'x = (\n  f"{a}"\n  "b")\n', 'x = (f"{a}"\n  "b")\n'),
        ('a.py', 'class Kept:\n    """All of it."""\n', 'class Kept:\n    """All of it."""\n'),
        ('a.py', 'def f():\n    """Says."""\n    return 1\n', 'def f():\n    return 1\n'),
        ('a.py', 'def f(a: int, *b: "x->y",\n  c: list[\n  int] = ()) -> int:\n    return a\n',
         'def f(a, *b, c=()):\n    return a\n'),
        ('a.py', 'a: int = 1\nb: int\n', 'a = 1\nb: int\n'),
        ('a.py', 'class A:\n    b: int = 1\n\n    def c(self) -> None:\n        self.d: int = 2\n',
         'class A:\n    b: int = 1\n    def c(self):\n        self.d = 2\n'),
        ('a.yaml', '# roles: master\na: |\n  b\n\n  c\n', 'a: |\n  b\n\n  c\n'),
    ],
)
def test_what_readers_need_costs_no_user_data(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, bare: str
) -> None:
    monkeypatch.setattr(files, 'read', lambda _name: text)
    assert node_files.bare(name) == bare


def _functions(code: types.CodeType) -> Iterator[types.CodeType]:
    """Those that hold no others; where those are made, annotations are part of the code."""
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    if not inner:
        yield code
    for each in inner:
        yield from _functions(each)


def _instructions(text: str) -> list[tuple[str, Any]]:
    """What the functions of a program do; where lines begin and jumps lead depends on lines."""
    code = compile(text, 'program', 'exec', optimize=2)     # without docstrings
    return [
        (each.opname, None if each.opcode in dis.hasjrel else each.argrepr)
        for function in _functions(code) for each in dis.get_instructions(function)
        if each.opname not in ('NOP', 'EXTENDED_ARG')
    ]


@pytest.mark.parametrize('name', sorted({
    member.source for folder in FOLDERS for member in node_files.for_role(folder, MASTER, ())
    if member.source.endswith('.py')
}))
def test_programs_of_nodes_stay_the_same(name: str) -> None:
    found = _instructions(files.read(name))
    assert len(found) > 100
    assert found == _instructions(node_files.bare(name))


def _as_bash_reads_it(text: str) -> str:
    """A script without comments and empty lines, but for those that it gives to programs."""
    return subprocess.run(
        ['bash', '-c', 'eval "script() {\n$1\n}" && declare -f script', 'bash', text],
        capture_output=True, text=True, check=True,
    ).stdout


@pytest.mark.parametrize('name', sorted({
    member.source for folder in FOLDERS for role in (MASTER, WORKER)
    for member in node_files.for_role(folder, role, ()) if member.source.endswith('.sh')
}))
def test_scripts_of_nodes_stay_the_same(name: str) -> None:
    """An empty line that a script gives to a program means something to it."""
    found = _as_bash_reads_it(files.read(name))
    assert len(found) > 100
    assert found == _as_bash_reads_it(node_files.bare(name))


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
    """Two threads in ``ast.parse`` make it fail with a SystemError now and then."""
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
