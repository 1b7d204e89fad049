"""Programs that Kubernetes nodes download, and the digests that they are checked by.

``digests.json`` has SHA-256 by program, release and architecture. Those of
Kubernetes are as dl.k8s.io publishes them beside its files, taken from the
lists of kubernetes/kops (``pkg/assets/assetdata``); those of kubelet and kubectl
are the same in kubernetes-sigs/kubespray (``checksums.yml``). Those of flanneld
are from the pillars of sysoperator/kubernetes-formula, those of Helm's archives from
its release notes and cert-manager/makefile-modules. Those of archives of containerd, the
CNI plugins and etcd are from kubespray, too. A release that is not
listed needs the label ``kube_binaries_digests``, or ``helm_client_sha256``.
"""

import functools
import itertools
import json
import re
from collections.abc import Mapping
from typing import Final

from magnum.domain import addresses
from magnum.drivers import files
from magnum.drivers.catalogue import Digests
from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import network

WORKER_PROGRAMS: Final = ('kubelet', 'kube-proxy')
MASTER_PROGRAMS: Final = (
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kubectl',
    *WORKER_PROGRAMS,
)
NETWORK_PROGRAMS: Final = ('flanneld',)
ARCHITECTURES: Final = ('amd64', 'arm64')
DIGESTS: Final = 'kube_binaries_digests'

_RELEASES: Final = {
    **dict.fromkeys(MASTER_PROGRAMS, 'kube_tag'),
    **dict.fromkeys(NETWORK_PROGRAMS, 'flannel_tag'),
}
_FLANNEL_SOURCE: Final = 'flannel_binaries_url'
_SOURCES: Final = ('kube_binaries_url', _FLANNEL_SOURCE)


@functools.cache
def known() -> Digests:
    """Digests of this release of the service."""
    found: Digests = json.loads(files.read('kubernetes/digests.json'))
    return found


def minor(release: str) -> int:
    """The minor release of one of 1, as ``v1.35.1``: 35."""
    return int(''.join(itertools.takewhile(str.isdigit, release.split('.')[1])))


def _releases(plan: BayPlan) -> Mapping[str, str]:
    """Programs that the bay's nodes download, each with the label of its release."""
    return {
        program: label for program, label in _RELEASES.items()
        if program not in NETWORK_PROGRAMS or plan.network_driver == network.FLANNEL
    }


def words(plan: BayPlan, digests: Digests) -> str:
    """What nodes check by: ``program/release/architecture:digest``, and those of the label.

    A digest of the label is for whatever architecture the nodes have.

    :param digests: of the catalogue.
    """
    given = _given(plan.labels)
    found = []
    for program, label in _releases(plan).items():
        release = plan.labels[label]
        if program in given:
            found.append(f'{program}/{release}:{given[program]}')
        else:
            found += [
                f'{program}/{release}/{architecture}:{digest}'
                for architecture, digest in digests.get(program, {}).get(release, {}).items()
            ]
    return ' '.join(found)


def check_sources(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Nothing is downloaded over plain HTTP unless the operator lets it, or by a password."""
    for label in _SOURCES:
        if label != _FLANNEL_SOURCE or plan.network_driver == network.FLANNEL:
            check_source(plan, label)


def check_source(plan: BayPlan, label: str) -> None:
    """Check the address that one label has, if it has one."""
    address = plan.labels.get(label, '')
    if addresses.has_credentials(address):
        raise PlanRefused(f'labels/{label}', f'The address holds credentials. {addresses.ADVICE}')
    if addresses.breaks_out(address):
        raise PlanRefused(
            f'labels/{label}', f'{address!r} has a character that a URL writes as %XX.'
        )
    if address.startswith('http:') and not plan.insecure_downloads:
        raise PlanRefused(
            f'labels/{label}',
            f'{address!r} is plain HTTP: nodes download over HTTPS only, unless the operator '
            'sets [drivers]insecure_downloads.',
        )


def check_digests(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that every program has a digest from another source than itself."""
    given = _given(plan.labels)
    for program in given:
        if program not in _RELEASES:
            raise PlanRefused(
                f'labels/{DIGESTS}',
                f'Nodes download no {program!r}; they do {", ".join(_RELEASES)}.',
            )
    if plan.insecure_downloads:
        return
    for program, label in _releases(plan).items():
        release = plan.labels[label]
        releases = capabilities.catalogue.digests.get(program, {})
        if program not in given and release not in releases:
            raise PlanRefused(
                f'labels/{label}',
                f'No digest of {program} {release} is known, only of {", ".join(releases)}: '
                f'give its SHA-256 in the label {DIGESTS}.',
            )


def pairs(text: str) -> dict[str, str]:
    """Digests by name, as a label has them."""
    split = (word.split(':') for word in re.split('[, ]+', text) if word)
    return {name: digest.lower() for name, digest in split}


def _given(labels: Mapping[str, str]) -> dict[str, str]:
    return pairs(labels.get(DIGESTS, ''))
