"""A master's agent fetches the file with which the cloud is used, and follows its credential."""

import base64
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from magnum.drivers.common.node.agent import certificates, cloud, state
from magnum.drivers.common.node.agent.channel import Channel, Gone
from magnum.drivers.common.node.agent.node import (
    CLOUD,
    CLOUD_OF_PURPOSES,
    ENCRYPTION_KEY,
    Node,
)
from magnum.drivers.common.node.agent.reporter import Reporter
from tests.unit.drivers import agents
from tests.unit.drivers.agents import Answer, Service, script

FILE = '[Global]\napplication-credential-secret={}\n'
MEMBER = 'cloud-credential'


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Node:
    """One that has registered, and is to have the file."""
    return agents.registered(tmp_path, service, monkeypatch, MAGNUM_CLOUD_CREDENTIAL='true')


def of(generation: int, *purposes: str) -> Answer:
    configurations = {
        purpose: FILE.format(f'{purpose}-secret-{generation}') for purpose in purposes
    }
    return Answer(document={
        'generation': generation, 'configuration': FILE.format(f'secret-{generation}'),
        **({'configurations': configurations} if purposes else {}),
    })


def of_purposes(node: Node) -> dict[str, str]:
    """What there is for each purpose."""
    return {file.name: file.read_text() for file in node.path(CLOUD_OF_PURPOSES).glob('*')}


def told(generation: int) -> Answer:
    return Answer(document={'next': 30, 'directives': [], 'cloud_credential': generation})


def content(node: Node) -> str:
    return node.path(CLOUD).read_text()


def asked(service: Service) -> list[str]:
    return [said.path.rpartition('/')[2] for said in service.said]


def condition_of(report: dict[str, dict[str, dict[str, str]]]) -> tuple[str, str, str]:
    found = report['conditions']['CloudCredential']
    return found['status'], found['reason'], found['message']


def built(node: Node, generation: int = 1) -> Reporter:
    """A node that is ready and has a generation."""
    node.write(node.path(CLOUD), FILE.format(f'secret-{generation}'))
    node.keep(cloud.TAKEN, str(generation))
    state.tell(node, 'ready')
    return Reporter(node)


# The step -----------------------------------------------------------------
def run(node: Node) -> subprocess.CompletedProcess[str]:
    package = pathlib.Path(cloud.__file__).parents[1]
    return subprocess.run(
        [sys.executable, '-m', 'agent', '--root', str(node.root), 'cloud'],
        cwd=package, capture_output=True, text=True, timeout=60, check=False,
    )


def test_the_step_writes_the_file_once(node: Node, service: Service) -> None:
    script(node, 'cloud_changed.sh', 'touch "$0.ran"')
    service.answers = [of(3)]
    for _ in range(2):
        done = run(node)
        assert (done.returncode, done.stdout + done.stderr) == (0, '')
    assert content(node) == FILE.format('secret-3')
    assert os.stat(node.path(CLOUD)).st_mode & 0o777 == 0o600
    assert cloud.taken(node) == node.path(cloud.FETCHED).read_text() == '3'
    assert asked(service) == ['cloud']
    assert (service.said[0].tag, service.said[0].body) == ('magnum/cloud', {})
    assert not node.path('/opt/magnum/cloud_changed.sh.ran').exists()


def test_a_file_that_was_lost_is_fetched_again(node: Node, service: Service) -> None:
    service.answers = [of(3), of(3)]
    run(node)
    node.path(CLOUD).unlink()
    assert run(node).returncode == 0
    assert content(node) == FILE.format('secret-3')


@pytest.mark.parametrize(('answer', 'status'), [
    (Answer(401, code='magnum.bootstrap.refused'), 86),
    (Answer(document={}), 1),
    (Answer(document={'generation': '1', 'configuration': 'x'}), 1),
    (Answer(document={'generation': True, 'configuration': 'x'}), 1),
    (Answer(document={'generation': 1, 'configuration': ''}), 1),
    (Answer(document={'generation': 1, 'configuration': ['x']}), 1),
    *(
        (Answer(document={'generation': 1, 'configuration': 'x', 'configurations': told}), 1)
        for told in (['x'], {'x': ''}, {'x': 1}, {'../x': 'y'}, {'': 'y'}, None)
    ),
])
def test_the_step_fails(node: Node, service: Service, answer: Answer, status: int) -> None:
    service.answers = [answer]
    assert run(node).returncode == status
    assert not node.path(CLOUD).exists()
    assert of_purposes(node) == {}


def test_a_service_that_is_away_is_asked_again(
    node: Node, service: Service
) -> None:
    service.answers = [Answer(503), of(1)]
    channel = Channel(node)
    certificates.patiently(lambda: cloud.take(node, channel), sleep=lambda _: None)
    assert cloud.taken(node) == '1'


# Reports ------------------------------------------------------------------
def test_what_a_master_has_is_reported(node: Node, service: Service) -> None:
    reporter = built(node)
    service.answers = [told(1)]
    reporter.turn()
    assert asked(service) == ['report']
    (report,) = service.reports()
    assert report['versions'][MEMBER] == '1'
    assert condition_of(report) == ('True', 'Taken', '')


def test_another_generation_is_taken_over(node: Node, service: Service) -> None:
    seen = node.path('/seen')
    script(node, 'cloud_changed.sh', f'cat {node.path(CLOUD)} >>{seen}')
    reporter = built(node)
    service.answers = [told(2), of(2), told(2)]
    reporter.turn()
    assert content(node) == seen.read_text() == FILE.format('secret-2')
    assert reporter.has_news(), 'it says so at once'
    reporter.turn()
    assert asked(service) == ['report', 'cloud', 'report']
    assert [report['versions'][MEMBER] for report in service.reports()] == ['1', '2']
    assert not reporter.has_news()


def test_purposes_have_files_of_their_own(node: Node, service: Service) -> None:
    """As many as the generation has, with its secrets alone."""
    service.answers = [of(1, 'autoscaler', 'cinder-csi')]
    assert run(node).returncode == 0
    assert of_purposes(node) == {
        f'{purpose}.conf': FILE.format(f'{purpose}-secret-1')
        for purpose in ('autoscaler', 'cinder-csi')
    }
    assert {file.stat().st_mode & 0o777 for file in node.path(CLOUD_OF_PURPOSES).glob('*')} == {
        0o600
    }
    assert node.cloud('autoscaler').read_text() == FILE.format('autoscaler-secret-1')
    assert node.cloud('cloud-provider') == node.path(CLOUD)
    seen = node.path('/seen')
    script(node, 'cloud_changed.sh', f'cat {node.path(CLOUD_OF_PURPOSES)}/* >{seen} || :')
    state.tell(node, 'ready')
    reporter = Reporter(node)
    service.answers = [told(2), of(2, 'cinder-csi'), told(2), told(3), of(3), told(3)]
    reporter.turn()
    assert seen.read_text() == FILE.format('cinder-csi-secret-2')
    assert of_purposes(node).keys() == {'cinder-csi.conf'}
    for _ in range(3):
        reporter.turn()
    assert of_purposes(node) == {}
    assert [one['versions'][MEMBER] for one in service.reports()] == ['1', '2', '2', '3']


@pytest.mark.parametrize('last', ['autoscaler.conf', 'cinder-csi.conf', 'cloud.conf'])
def test_an_agent_that_was_killed_between_two_files_fetches_them_all_again(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    write = Node.write

    def killed(self: Node, file: pathlib.Path, *content: Any) -> None:
        write(self, file, *content)
        if file.name == last:
            raise KeyboardInterrupt

    reporter = built(node)
    service.answers = [told(2), of(2, 'autoscaler', 'cinder-csi')] * 2
    with monkeypatch.context() as context:
        context.setattr(Node, 'write', killed)
        with pytest.raises(KeyboardInterrupt):
            reporter.turn()
    assert cloud.taken(node) == '1'
    Reporter(node).turn()
    assert cloud.taken(node) == '2'
    assert content(node) == FILE.format('secret-2')
    assert of_purposes(node) == {
        f'{purpose}.conf': FILE.format(f'{purpose}-secret-2')
        for purpose in ('autoscaler', 'cinder-csi')
    }


@pytest.mark.parametrize(('settings', 'reported'), [
    ({'MAGNUM_KNOWS_PURPOSES': 'true'}, 'true'), ({'MAGNUM_KNOWS_PURPOSES': 'false'}, None),
    ({}, None), ({'MAGNUM_KNOWS_PURPOSES': 'true', 'MAGNUM_CLOUD_CREDENTIAL': 'false'}, None),
])
def test_a_master_says_that_it_knows_purposes(
    node: Node, service: Service, settings: dict[str, str], reported: str | None
) -> None:
    node.settings.update(settings)
    built(node)
    service.answers = [told(1)]
    Reporter(node).turn()
    (report,) = service.reports()
    assert report['versions'].get('cloud-purposes') == reported


def test_the_generation_counts_when_users_of_the_file_were_told(
    node: Node, service: Service
) -> None:
    script(node, 'cloud_changed.sh', 'echo "no secret-2 there" >&2; test -e "$0.works"')
    reporter = built(node)
    service.answers = [told(2), of(2), told(2), told(2), told(2)]
    for _ in range(2):
        reporter.turn()
        assert not reporter.has_news()
    assert content(node) == FILE.format('secret-2')
    first, second = service.reports()
    assert condition_of(first) == ('True', 'Taken', '')
    assert condition_of(second) == ('False', 'NotTold', 'no *** there')
    assert second['versions'][MEMBER] == '1'
    node.path('/opt/magnum/cloud_changed.sh.works').touch()
    reporter.turn()
    reporter.turn()
    last = service.reports()[-1]
    assert (condition_of(last), last['versions'][MEMBER]) == (('True', 'Taken', ''), '2')
    assert asked(service).count('cloud') == 1, 'what is there is not fetched again'


def test_users_of_the_file_may_need_longer(node: Node, service: Service) -> None:
    """That is no fault, for some time; reports go on."""
    script(node, 'cloud_changed.sh', 'echo "2 pods"; test -e "$0.works" || exit 75')
    reporter = built(node)
    service.answers = [told(2), of(2), *[told(2)] * 4]
    for _ in range(2):
        reporter.turn()
    os.utime(node.path(cloud.FETCHED), (0, 0))
    # A restarted agent knows what it has fetched.
    reporter = Reporter(node)
    reporter.turn()
    reporter.turn()
    first, second, *_, last = service.reports()
    assert condition_of(first)[0] == 'True'
    assert condition_of(second) == ('Unknown', 'Telling', '2 pods')
    assert condition_of(last) == ('False', 'NotTold', '2 pods')
    assert {report['versions'][MEMBER] for report in service.reports()} == {'1'}
    node.path('/opt/magnum/cloud_changed.sh.works').touch()
    reporter.turn()
    reporter.turn()
    report = service.reports()[-1]
    assert (condition_of(report)[0], report['versions'][MEMBER]) == ('True', '2')
    assert asked(service).count('cloud') == 1


def test_what_cannot_be_fetched_is_tried_again(node: Node, service: Service) -> None:
    reporter = built(node)
    service.answers = [told(2), Answer(503), told(2), of(2), told(2)]
    assert reporter.turn() == 30
    assert content(node) == FILE.format('secret-1')
    reporter.turn()
    reporter.turn()
    reports = service.reports()
    assert condition_of(reports[1])[:2] == ('False', 'NotFetched')
    assert [report['versions'][MEMBER] for report in reports] == ['1', '1', '2']


def test_a_generation_that_cannot_be_kept_is_told_of(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = built(node)
    service.answers = [told(2), of(2), told(2), of(2)]
    agents.refuse_writes(node, monkeypatch, but=CLOUD)
    assert reporter.turn() == 30
    reporter.turn()
    assert asked(service) == ['report', 'cloud'] * 2
    status, reason, message = condition_of(service.reports()[1])
    assert (status, reason) == ('False', 'NotFetched')
    assert 'No space left on device' in message


def test_a_bay_that_is_gone_ends_it(node: Node, service: Service) -> None:
    reporter = built(node)
    service.answers = [told(2), Answer(410, code='magnum.bootstrap.gone')]
    with pytest.raises(Gone):
        reporter.turn()


def test_a_node_that_is_being_built_leaves_it_to_the_step(node: Node, service: Service) -> None:
    state.tell(node, 'building', '17-metadata', 3, 11)
    service.answers = [told(2)]
    Reporter(node).turn()
    assert asked(service) == ['report']
    (report,) = service.reports()
    assert 'CloudCredential' not in report['conditions']


@pytest.mark.parametrize('setting', ['false', ''])
def test_others_take_no_notice(node: Node, service: Service, setting: str) -> None:
    other = agents.make_node(node.root, service.url, MAGNUM_CLOUD_CREDENTIAL=setting)
    state.tell(other, 'ready')
    service.answers = [told(2)]
    Reporter(other).turn()
    assert asked(service) == ['report']
    (report,) = service.reports()
    assert 'CloudCredential' not in report['conditions']
    assert MEMBER not in report['versions']


@pytest.mark.parametrize('answer', [None, True, '2', [2]])
def test_what_is_no_generation_is_nothing(
    node: Node, service: Service, answer: object
) -> None:
    reporter = built(node)
    service.answers = [Answer(document={'next': 30, 'cloud_credential': answer})]
    reporter.turn()
    assert asked(service) == ['report']


def test_the_key_of_what_is_encrypted_is_cut_out(node: Node, service: Service) -> None:
    reporter = built(node)
    file = node.path(ENCRYPTION_KEY)
    file.parent.mkdir(parents=True, exist_ok=True)
    for key, said in (('', 'bay, key-1'), ('key-1', 'bay, ***')):
        file.write_text(key)
        state.tell(node, 'failed', '60-control-plane', 9, 11, 'bay, key-1')
        reporter.turn()
        assert service.reports()[-1]['lines'] == [said]


def test_secrets_of_the_cloud_are_cut_out_of_what_is_told(node: Node, service: Service) -> None:
    reporter = built(node)
    whole = base64.b64encode(content(node).encode()).decode()
    state.tell(node, 'failed', '65-addons', 9, 11, f'secret-1 is it\ncloud.conf: {whole}')
    reporter.turn()
    (report,) = service.reports()
    assert report['lines'] == ['*** is it', 'cloud.conf: ***']
    assert 'secret-1' not in json.dumps(report)


def test_secrets_of_purposes_are_cut_out_of_what_is_told(node: Node, service: Service) -> None:
    reporter = built(node)
    own = FILE.format('another-one')
    node.write(node.path(CLOUD_OF_PURPOSES) / 'cinder-csi.conf', own)
    whole, part = (base64.b64encode(text.encode()).decode() for text in (own, 'another-one'))
    state.tell(node, 'failed', '65-addons', 9, 11, f'another-one, {whole}\nx: {part} secret-1')
    reporter.turn()
    (report,) = service.reports()
    assert report['lines'][0] == '***, ***'
    assert part not in json.dumps(report)
    assert 'secret-1' not in json.dumps(report)


@pytest.mark.parametrize('before', ['', '{', '{"', '{"x'])
@pytest.mark.parametrize('after', ['', '"', '"}'])
def test_secrets_of_the_cloud_are_cut_out_of_other_files_in_base64(
    node: Node, service: Service, before: str, after: str
) -> None:
    """Add-ons have files of their own with it, as Kubernetes keeps them in a Secret."""
    reporter = built(node)
    told = base64.b64encode(f'{before}secret-1{after}'.encode()).decode()
    state.tell(node, 'failed', '65-addons', 9, 11, f'data: {told}')
    reporter.turn()
    (report,) = service.reports()
    (line,) = report['lines']
    shown = line.removeprefix('data: ').replace('***', '')
    # What is left are the letters at both ends, which have something of their neighbours, too.
    assert len(shown) <= len(told) - (len('secret-1') - 1) * 8 // 6 + 1
    assert '***' in line
