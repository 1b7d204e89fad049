"""Which bays of the quickstart have real machines as nodes."""

import json
import pathlib

import pytest

from tools.common.errors import ToolError
from tools.common.processes import Home
from tools.devcloud import node_agent_claim, settings
from tools.nodes import check, watch
from tools.nodes.kubernetes import recipe
from tools.quickstart_steps import layout, machines, magnum


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    monkeypatch.setattr(settings, 'STATE', tmp_path)
    monkeypatch.setattr(check, 'missing', lambda: iter(()))
    monkeypatch.setattr(machines, 'runs', lambda: False)
    return tmp_path


def programs(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path) -> None:
    monkeypatch.setattr(recipe, 'place', lambda: folder)


def test_kubernetes_is_played_until_its_programs_are_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs(monkeypatch, tmp_path / 'absent')
    assert machines.decide(machines.AUTO) == ('swarm',)
    assert 'its programs are not built' in capsys.readouterr().out
    programs(monkeypatch, tmp_path)
    assert machines.decide(machines.AUTO) == ('swarm', 'kubernetes')
    assert 'played' not in capsys.readouterr().out


def test_nothing_is_real_where_machines_cannot_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    programs(monkeypatch, tmp_path)
    assert machines.decide(machines.PLAYED) == ()
    monkeypatch.setattr(check, 'missing', lambda: iter(['root: …']))
    assert machines.decide(machines.AUTO) == ()
    assert machines.labels(()) == {}
    with pytest.raises(ToolError, match='root: …'):
        machines.decide(machines.REAL)


def test_played_nodes_are_claimed_by_nobody(
    monkeypatch: pytest.MonkeyPatch, state: pathlib.Path
) -> None:
    programs(monkeypatch, state)
    claim = state / node_agent_claim.FILE
    claim.parent.mkdir()
    claim.write_text('[]')
    machines.decide(machines.REAL)
    assert claim.exists()
    machines.decide(machines.PLAYED)
    assert not claim.exists()


def test_programs_that_were_built_since_it_was_started(
    monkeypatch: pytest.MonkeyPatch, state: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What follows servers knows only what it was started with."""
    programs(monkeypatch, state)
    monkeypatch.setattr(machines, 'runs', lambda: True)
    claim = state / node_agent_claim.FILE
    claim.parent.mkdir()
    claim.write_text(json.dumps(watch.claim(['swarm'], '', 'http://192.0.2.1')))
    assert machines.decide(machines.AUTO) == ('swarm',)
    assert 'down" another run boots' in capsys.readouterr().out
    claim.write_text(json.dumps(watch.claim(['swarm', 'kubernetes'], '', 'http://192.0.2.1')))
    assert machines.decide(machines.AUTO) == ('swarm', 'kubernetes')
    assert capsys.readouterr().out == ''


def test_a_server_of_downloads_that_died_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    home = Home(tmp_path, tmp_path, tmp_path, '')
    monkeypatch.setattr(layout, 'PROCESSES', home)
    (tmp_path / 'nodes-downloads.log').write_text('Address already in use')
    with pytest.raises(ToolError, match=r'nodes-downloads has died(?s:.)*already in use'):
        magnum.require_alive(real_backends=False, has_downloads=True)
    with pytest.raises(ToolError, match='magnum-all-in-one has died'):
        magnum.require_alive(real_backends=False)


@pytest.mark.parametrize(('coe', 'release', 'is_booted'), [
    ('swarm', '', True), ('kubernetes', recipe.VERSION, True), ('kubernetes', recipe.NEXT, True),
    ('kubernetes', 'v1.34.3', False), ('kubernetes', f'{recipe.VERSION}0', False),
    ('mesos', '', False),
])
def test_nodes_of_kubernetes_are_booted_with_releases_that_were_built(
    coe: str, release: str, is_booted: bool
) -> None:
    claims = watch.claim(['swarm', 'kubernetes'], names='', bootstrap='http://192.0.2.1')
    node = {
        'MAGNUM_COE': coe, 'MAGNUM_KUBE_VERSION': release, 'MAGNUM_NODE_NAME': 'first-node-0',
        'MAGNUM_BOOTSTRAP_URL': 'http://192.0.2.1:9511/v1/bootstrap',
    }
    assert node_agent_claim.covers(claims, node) is is_booted
