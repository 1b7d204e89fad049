"""Options and fields of configuration that bays use, held to the reference of releases.

No current release can be run here, and a program ends at once by an option that it does not
know. ``component_options.yaml`` is recorded from the public reference: a release gets into the
catalogue only with its own.
"""

import pathlib
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER
from magnum.drivers.kubernetes import downloads, network, releases
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests import cis
from tests.unit.drivers import plans
from tests.unit.drivers.control_plane import KEY, Node
from tests.unit.drivers.test_units import SERVER

TABLE = yaml.safe_load(pathlib.Path(__file__).with_name('component_options.yaml').read_text())
PROGRAMS, LINES = TABLE['programs'], TABLE['lines']
SUBJECTS: dict[str, dict[str, Any]] = {**PROGRAMS, **TABLE['documents']}
#: Programs take them all the same, and their reference names no release that will not: it asks
#: for files of configuration in their stead.
DEPRECATED = {
    ('kube-scheduler', 'kubeconfig'),
    ('kube-scheduler', 'profiling'),
    ('kubelet', 'register-with-taints'),
}
DRIVER = KubernetesDriver()
#: By program or kind of document.
Names = Mapping[str, set[str]]


def line_of(release: str) -> str:
    """As v1.35 of v1.35.1."""
    return release.rpartition('.')[0]


def names(subject: Mapping[str, Any], line: str) -> set[str]:
    """What the reference of a line has."""
    minor = downloads.minor(line)
    since, removed = (
        {name: downloads.minor(of) for name, of in subject.get(fact, {}).items()}
        for fact in ('since', 'removed')
    )
    return {
        name for name in subject['has']
        if since.get(name, minor) <= minor < removed.get(name, minor + 1)
    }


# What nodes use ------------------------------------------------------------------------
def told(role: str) -> dict[str, str]:
    """The settings of a node where every label that is true or false is true."""
    labels = {
        name: 'true' for name, rule in DRIVER.labels_schema()['properties'].items()
        if rule.get('format') == 'boolean'
    }
    plan = plans.plan(DRIVER, labels=labels, network_driver=network.CALICO)
    return settings.parse(DRIVER.render(plan).parameters[f'{role}_settings'])


def start(root: pathlib.Path, release: str, role: str) -> Node:
    """A node after the steps that start programs of Kubernetes."""
    # An old one makes the API server leave out what it does not do with it.
    node = Node(root, release, role, ['3.4.23'])
    node.give_key(KEY)
    server = root / 'var/lib/cloud/data/instance-id'
    server.parent.mkdir(parents=True)
    server.write_text(f'{SERVER}\n')
    # The API server, which a worker asks to forget its former node.
    api = root / 'usr/local/bin/curl'
    api.write_text('#!/bin/sh\necho 404\n')
    api.chmod(0o755)
    for step in (['60-control-plane'] if role == MASTER else []) + ['70-kubelet']:
        done = node.run(step, **told(role), MAGNUM_NODE_TAINTS='a=b:NoSchedule')
        assert done.returncode == 0, done.stderr
    return node


def options(node: Node) -> Iterator[tuple[str, str]]:
    """A program and an option, of all units; that systemd reads them so, units' tests see."""
    for unit in (node.root / 'etc/systemd/system').glob('*.service'):
        command = unit.read_text().partition('\nExecStart=')[2].partition('\n\n')[0]
        path, *words = shlex.split(command.replace('\\\n', ''))
        program = pathlib.Path(path).name
        if program in PROGRAMS:
            yield from ((program, option) for option in cis.options(words))


def fields(found: Any, kind: str = '', at: str = '') -> Iterator[tuple[str, str]]:
    """A kind of document and a field that has a value; a document may be in another."""
    if isinstance(found, dict) and 'apiVersion' in found:
        if at:
            yield kind, at
        kind, at = f'{found["apiVersion"]} {found["kind"]}', ''
        found = {name: each for name, each in found.items() if name not in ('apiVersion', 'kind')}
    if isinstance(found, dict) and found:
        for name, each in found.items():
            yield from fields(each, kind, f'{at}.{name}'.removeprefix('.'))
    elif isinstance(found, list) and any(isinstance(each, dict) for each in found):
        for each in found:
            yield from fields(each, kind, at)
    else:
        yield kind, at


@pytest.fixture(scope='module')
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Names]:
    """By line: what the latest release that digests are known of is told."""
    latest = {line_of(release): release for release in downloads.known()['kubelet']}
    found: dict[str, Names] = {}
    for line, release in latest.items():
        of_line = defaultdict(set)
        for role in (MASTER, WORKER):
            node = start(tmp_path_factory.mktemp(role), release, role)
            files = [file.read_text() for file in node.etc.iterdir() if file.is_file()]
            documents = (each for file in files for each in fields(yaml.safe_load(file)))
            for subject, name in (*options(node), *documents):
                of_line[subject].add(name)
        found[line] = of_line
    return found


# What is recorded ----------------------------------------------------------------------
def test_every_line_of_the_catalogue_is_recorded() -> None:
    known = {line_of(release) for release in downloads.known()['kubelet']}
    assert set(LINES) == known | set(releases.lines(releases.packaged()))


@pytest.mark.parametrize('subject', SUBJECTS)
def test_the_reference_of_every_line_was_read(subject: str) -> None:
    """Or of an older one and of a newer one."""
    read = SUBJECTS[subject]['read']
    assert set(read.values()) <= set(TABLE['readings'])
    if re.search(r'(^|/)v1 ', subject):
        return      # a stable version
    minors = [downloads.minor(line) for line in read]
    assert [line for line in LINES if not min(minors) <= downloads.minor(line) <= max(minors)] == []


def test_every_reading_is_of_something() -> None:
    named = {each for subject in SUBJECTS.values() for each in subject['read'].values()}
    assert named == set(TABLE['readings'])


@pytest.mark.parametrize('line', LINES)
def test_nodes_use_what_their_release_has(used: dict[str, Names], line: str) -> None:
    unknown = {
        subject: found - names(SUBJECTS.get(subject, {'has': ()}), line)
        for subject, found in used[line].items()
    }
    assert {subject: sorted(found) for subject, found in unknown.items() if found} == {}


def test_nothing_is_recorded_that_no_node_uses(used: dict[str, Names]) -> None:
    idle = {
        subject: set(table['has']) - set().union(*(found[subject] for found in used.values()))
        for subject, table in SUBJECTS.items()
    }
    assert {subject: sorted(found) for subject, found in idle.items() if found} == {}


def test_what_is_deprecated_has_been_looked_at() -> None:
    found = {
        (subject, name) for subject, table in SUBJECTS.items()
        for name in table.get('deprecated', ())
    }
    assert found == DEPRECATED


@pytest.mark.parametrize('fact', ['since', 'removed', 'deprecated'])
def test_facts_are_of_what_is_recorded(fact: str) -> None:
    for table in SUBJECTS.values():
        assert set(table.get(fact, ())) <= set(table['has'])


@pytest.mark.parametrize(('line', 'expected'), [
    ('v1.31', {'a', 'gone'}), ('v1.32', {'a', 'gone', 'new'}), ('v1.33', {'a', 'new'}),
])
def test_names_of_a_line(line: str, expected: set[str]) -> None:
    table = {'has': ['a', 'gone', 'new'], 'since': {'new': 'v1.32'}, 'removed': {'gone': 'v1.33'}}
    assert names(table, line) == expected
