"""Archives of add-ons as nodes of tests download them: stand-ins for charts, and for Helm.

Each chart has one ConfigMap, with the name of its chart, that ``kubectl get`` shows
when it is installed; that of the snapshot controller has the kind of classes, too. Equal
ones have equal digests.
"""

import gzip
import hashlib
import io
import pathlib
import re
import tarfile
from collections.abc import Mapping
from typing import Final

from magnum.drivers.kubernetes import addons

HELM: Final = pathlib.Path(__file__).parent / 'standins/helm.py'
_NAME: Final = re.compile(r'/charts/([a-z0-9.-]+?)-v?(\d+\.\d+\.\d+)\.tgz')
_HELM_PATH: Final = '/helm/helm.tar.gz'
#: By chart what of its kinds of objects the service makes some of, as documented.
_KINDS: Final = {'snapshot-controller': pathlib.Path(__file__).parent / 'snapshot-kinds.yaml'}


def chart(name: str, release: str) -> bytes:
    """The archive of a chart."""
    kinds = {f'{name}/crds/kinds.yaml': _KINDS[name].read_text()} if name in _KINDS else {}
    return _archive({
        f'{name}/Chart.yaml': f'apiVersion: v2\nname: {name}\nversion: {release}\n',
        f'{name}/templates/map.yaml': (
            f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: chart-{name}}}\n'
            f'data: {{release: "{release}"}}\n'
        ),
        **kinds,
    })


def helm(architecture: str) -> bytes:
    """The archive of the stand-in for Helm."""
    return _archive({f'linux-{architecture}/helm': HELM.read_text()})


def archive(path: str, architecture: str) -> bytes | None:
    """What the web server has at a path; None if nothing."""
    if path == _HELM_PATH:
        return helm(architecture)
    found = _NAME.fullmatch(path)
    if found and found[1] in addons.charts():
        return chart(found[1], found[2])
    return None


def labels(downloads: str, architecture: str) -> Mapping[str, str]:
    """Those of a bay that gets add-ons from the web server.

    :param downloads: its ``address:port``.
    """
    digests = {
        name: hashlib.sha256(chart(name, release)).hexdigest()
        for name, digests in addons.charts().items() for release in digests
    }
    return {
        'addons_charts_url': f'http://{downloads}/charts',
        'addons_charts_digests': ','.join(f'{name}:{text}' for name, text in digests.items()),
        'helm_client_url': f'http://{downloads}{_HELM_PATH}',
        'helm_client_sha256': hashlib.sha256(helm(architecture)).hexdigest(),
    }


def _archive(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as made:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o755
            made.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)
