"""Labels of bays whose nodes run the programs that were built."""

import pathlib

from tools.nodes import charts, web
from tools.nodes.kubernetes import recipe


def bay_labels(
    programs: pathlib.Path, downloads: str, version: str = recipe.VERSION
) -> dict[str, str]:
    """Labels of a bay of such a release.

    :param programs: the folder of the programs.
    :param downloads: where nodes find them, as ``address:port``.
    """
    return {
        'kube_tag': version,
        'kube_binaries_url': f'http://{downloads}/release',
        'kube_binaries_digests': web.digests(programs, version),
        'flannel_binaries_url': f'http://{downloads}/flannel',
        'container_infra_prefix': f'{downloads}/bay/',
        'node_ports_allowed_cidrs': '0.0.0.0/0',
        **charts.labels(downloads, web.architecture()),
    }
