"""What nodes of tests download: programs with their digests, and images."""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from magnum.drivers.kubernetes import downloads
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import masters, plans
from tools.common import network
from tools.nodes import charts, web, workload
from tools.nodes.kubernetes import recipe


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for name in (*recipe.PROGRAMS, *recipe.STANDINS, 'busybox'):
        file = tmp_path / name
        file.write_text(f'the program {name}')
        file.chmod(0o755)
    monkeypatch.setattr(workload, 'BUSYBOX', str(tmp_path / 'busybox'))
    return tmp_path


@pytest.fixture
def url(programs: pathlib.Path) -> Iterator[str]:
    port = network.find_free()
    with web.running(programs, network.IP, port):
        yield f'http://{network.IP}:{port}'


def get(url: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, **options)


def test_what_nodes_download_is_built() -> None:
    assert set(recipe.PROGRAMS) == {*downloads.MASTER_PROGRAMS, *downloads.WORKER_PROGRAMS}


@pytest.mark.parametrize(
    'path',
    [
        f'release/{recipe.VERSION}/bin/linux/{web.architecture()}/kubelet',
        f'flannel/v0.27.4/flanneld-{web.architecture()}',
    ],
)
def test_programs_lie_where_nodes_look(url: str, path: str) -> None:
    program = get(f'{url}/{path}')
    assert program.status_code == 200
    digest = get(f'{url}/{path}.sha256')
    assert digest.text == hashlib.sha256(program.content).hexdigest()


@pytest.mark.parametrize(
    'path',
    [
        f'release/v1.34.1/bin/linux/{web.architecture()}/kubelet',
        f'release/{recipe.VERSION}/bin/linux/{web.architecture()}/coredns',
        f'release/{recipe.VERSION}/bin/linux/{web.architecture()}/..%2f..%2fetc/passwd',
        'v2/bay/other/manifests/1', 'v2/bay/web/blobs/sha256:00', '',
    ],
)
def test_nothing_else_is_there(url: str, path: str) -> None:
    assert get(f'{url}/{path}').status_code == 404


@pytest.mark.parametrize(('network', 'count'), [('flannel', 4), ('calico', 6), ('cilium', 5)])
def test_add_ons_are_what_their_labels_say(url: str, network: str, count: int) -> None:
    driver = KubernetesDriver()
    wanted = {'ingress_controller': 'traefik', 'monitoring_enabled': 'true'}
    labels = {**wanted, **charts.labels(url.removeprefix('http://'), web.architecture())}
    plan = plans.plan(driver, labels=labels, insecure_downloads=True, network_driver=network)
    driver.validate(plan)
    told = masters.unpacked(driver.render(plan).parameters['master_settings'])
    assert len(told['charts']) == count
    for chart in told['charts'].values():
        assert hashlib.sha256(get(chart['url']).content).hexdigest() == chart['sha256']
    helm = get(told['helm']['url']).content
    assert hashlib.sha256(helm).hexdigest() == told['helm']['sha256'][web.architecture()]
    assert get(f'{url}/charts/other-1.0.0.tgz').status_code == 404


@pytest.mark.parametrize(
    ('name', 'program'), [('pause', 'pause'), ('coredns', 'coredns'), ('web', 'bin/busybox')]
)
def test_images_are_what_their_digests_say(url: str, name: str, program: str) -> None:
    repository = f'{url}/v2/bay/{name}'
    assert get(f'{url}/v2/').status_code == 200
    by_tag = get(f'{repository}/manifests/any')
    digest = by_tag.headers['Docker-Content-Digest']
    assert get(f'{repository}/manifests/{digest}').content == by_tag.content
    manifest = by_tag.json()
    assert by_tag.headers['Content-Type'] == manifest['mediaType']

    def blob(described: dict[str, Any]) -> bytes:
        content = get(f'{repository}/blobs/{described["digest"]}').content
        assert len(content) == described['size']
        assert f'sha256:{hashlib.sha256(content).hexdigest()}' == described['digest']
        return content

    configuration = json.loads(blob(manifest['config']))
    layer = gzip.decompress(blob(manifest['layers'][0]))
    assert configuration['rootfs']['diff_ids'] == [web.digest(layer)]
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        content = archive.extractfile(program)
        assert content
        assert content.read() == f'the program {pathlib.Path(program).name}'.encode()
        assert archive.getmember(program).mode == 0o755
        # The command is a program of the image, or a link to one.
        assert configuration['config']['Entrypoint'][0].lstrip('/') in archive.getnames()
