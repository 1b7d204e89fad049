"""A web server with what nodes download: programs by their releases, and images.

Programs of Kubernetes and the stand-in for flanneld are as ``kube_binaries_url`` and
``flannel_binaries_url`` have them, each with ``.sha256`` beside it. Images are
served as a registry does that nobody may write to, under any prefix: ``pause``,
``coredns``, ``web`` (busybox), with any tag. Charts of add-ons and Helm are stand-ins,
``/charts/<chart>-<release>.tgz`` and ``/helm/helm.tar.gz``.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.nodes import charts, workload
from tools.nodes.image import Image
from tools.nodes.kubernetes import recipe

_HERE: Final = pathlib.Path(__file__).parent
FLANNELD: Final = _HERE / 'standins/flanneld.py'
_DOCKER: Final = 'application/vnd.docker.'
MANIFEST: Final = f'{_DOCKER}distribution.manifest.v2+json'


class Registry:
    """Manifests by image, and blobs by digest."""

    def __init__(self, images: Mapping[str, Image]):
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        for name, image in images.items():
            manifest = self._manifest(image)
            self.manifests[name] = manifest
            self.manifests[digest(manifest)] = manifest

    def _keep(self, blob: bytes, kind: str) -> dict[str, Any]:
        name = digest(blob)
        self.blobs[name] = blob
        return {'mediaType': f'{_DOCKER}{kind}', 'size': len(blob), 'digest': name}

    def _manifest(self, image: Image) -> bytes:
        raw = image.layer()
        configuration = json.dumps({
            'architecture': architecture(), 'os': 'linux',
            'config': {'Entrypoint': list(image.command), 'Env': ['PATH=/bin']},
            'rootfs': {'type': 'layers', 'diff_ids': [digest(raw)]},
            'history': [{'created': '2020-01-01T00:00:00Z'}],
        }).encode()
        layer = gzip.compress(raw, 1, mtime=0)
        return json.dumps({
            'schemaVersion': 2, 'mediaType': MANIFEST,
            'config': self._keep(configuration, 'container.image.v1+json'),
            'layers': [self._keep(layer, 'image.rootfs.diff.tar.gzip')],
        }).encode()


def digest(content: bytes) -> str:
    """As registries name content."""
    return f'sha256:{hashlib.sha256(content).hexdigest()}'


@functools.cache
def architecture() -> str:
    """This machine's, as Debian and Go call it."""
    return subprocess.run(
        ['dpkg', '--print-architecture'], check=True, capture_output=True, text=True
    ).stdout.strip()


def images(programs: pathlib.Path | None) -> dict[str, Image]:
    """The images that tests run, by name: without programs those that are not of Kubernetes.

    :param programs: the folder that ``tools.nodes.kubernetes`` made.
    :raises ToolError: busybox is not installed.
    """
    found = {'web': workload.image()}
    if programs is not None:
        found |= {
            name: Image({name: programs / name}, (f'/{name}',)) for name in ('pause', 'coredns')
        }
    return found


def digests(programs: pathlib.Path, version: str = recipe.VERSION) -> str:
    """Those of all programs of a release, as the label ``kube_binaries_digests`` takes them.

    :param programs: the folder that ``tools.nodes.kubernetes`` made.
    """
    folder = recipe.programs_of(programs, version)
    files = {name: folder / name for name in recipe.PROGRAMS} | {'flanneld': FLANNELD}
    return ','.join(
        f'{name}:{hashlib.sha256(file.read_bytes()).hexdigest()}' for name, file in files.items()
    )


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server: '_Server'

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        self._serve(body=True)

    def _serve(self, body: bool) -> None:
        file = self.server.file(self.path)
        if file:
            self._begin(file.stat().st_size, 'application/octet-stream')
            if body:
                with file.open('rb') as content:
                    shutil.copyfileobj(content, self.wfile)
            return
        kind, answer = self.server.answer(self.path)
        if answer is None:
            self.send_error(404)
            return
        self._begin(len(answer), kind, digest(answer))
        if body:
            self.wfile.write(answer)

    def _begin(self, length: int, kind: str, name: str | None = None) -> None:
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(length))
        if name:
            self.send_header('Docker-Content-Digest', name)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: tests look at what nodes say."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], programs: pathlib.Path | None):
        super().__init__(address, _Handler)
        self._programs = programs
        self._registry = Registry(images(programs))

    def file(self, path: str) -> pathlib.Path | None:
        """The program at a path."""
        if self._programs is None:
            return None
        found = re.fullmatch(
            rf'/release/(v[0-9.]+)/bin/linux/{architecture()}/([a-z-]+)', path
        )
        if found and found[1] in (recipe.VERSION, recipe.NEXT) and found[2] in recipe.PROGRAMS:
            return recipe.programs_of(self._programs, found[1]) / found[2]
        if re.fullmatch(rf'/flannel/[^/]+/flanneld-{architecture()}', path):
            return FLANNELD
        return None

    def answer(self, path: str) -> tuple[str, bytes | None]:
        """Media type and content of what is no file; None for what is not there."""
        if path == '/v2/':
            return 'application/json', b'{}'
        if path.endswith('.sha256') and (file := self.file(path.removesuffix('.sha256'))):
            return 'text/plain', hashlib.sha256(file.read_bytes()).hexdigest().encode()
        if archive := charts.archive(path, architecture()):
            return 'application/gzip', archive
        found = re.fullmatch(r'/v2/(?:.+/)?([^/]+)/(manifests|blobs)/([^/]+)', path)
        if not found:
            return '', None
        name, kind, reference = found.groups()
        if kind == 'blobs':
            return 'application/octet-stream', self._registry.blobs.get(reference)
        key = reference if reference.startswith('sha256:') else name
        return MANIFEST, self._registry.manifests.get(key)


@contextlib.contextmanager
def running(programs: pathlib.Path | None, host: str, port: int) -> Iterator[None]:
    """Serve until the end of the block.

    :param programs: the folder that ``tools.nodes.kubernetes`` made; None serves images alone.
    """
    with _Server((host, port), programs) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
