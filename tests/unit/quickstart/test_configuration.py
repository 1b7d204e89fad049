"""The configuration is one that Magnum understands, and for its user only."""

import pathlib

import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from tools.quickstart_steps import configuration, layout


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    monkeypatch.setattr(layout, 'ROOT', tmp_path)
    monkeypatch.setattr(layout, 'CONFIGURATION', tmp_path / 'magnum.conf')
    return tmp_path


def _read(*names: str) -> cfg.ConfigOpts:
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=list(names))
    return conf


def test_embedded(folder: pathlib.Path) -> None:
    configuration.write(real_backends=False)
    conf = _read(f'{folder}/magnum.conf')
    assert conf.state_path == str(layout.STATE)
    assert conf.api.workers is None
    assert 'transport_url' not in (folder / 'magnum.conf').read_text()


def test_real_backends(folder: pathlib.Path) -> None:
    configuration.write(real_backends=True)
    hosts = {
        _read(f'{folder}/magnum.conf', f'{folder}/{name}.conf').host
        for name in configuration.CONDUCTORS
    }
    conf = _read(f'{folder}/magnum.conf')
    assert hosts == {'conductor-1', 'conductor-2'}
    assert conf.api.workers == 2
    assert conf.conductor.heat_notifications
    assert conf.conductor.heat_notifications_transport_url.endswith('/devcloud')


def test_files_are_private(folder: pathlib.Path) -> None:
    configuration.write(real_backends=True)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_bays_may_have_the_release_of_kubernetes_that_was_built(folder: pathlib.Path) -> None:
    configuration.write(real_backends=False)
    conf = _read(f'{folder}/magnum.conf')
    assert not conf.drivers.any_version
    assert not conf.drivers.insecure_downloads
    configuration.write(real_backends=False, any_kubernetes=True)
    conf = _read(f'{folder}/magnum.conf')
    assert conf.drivers.any_version
    assert conf.drivers.insecure_downloads
