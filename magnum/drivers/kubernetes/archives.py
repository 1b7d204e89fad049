"""Archives that nodes take programs from, instead of their guests' packages.

Labels name their releases, or their addresses. ``digests.json`` has SHA-256 of the
archives of some releases.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final

from magnum.drivers.catalogue import Digests
from magnum.drivers.contract import MASTER, BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import downloads, network

#: The release of an archive that only its address is given of.
_OWN: Final = 'own'


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive: the setting of nodes that tells it, its labels, and where its project has it.

    :ivar upstream: the address, with variables in braces; ``{architecture}`` is for nodes.
    """

    setting: str
    release: str
    url: str
    sha256: str
    upstream: str

    @property
    def labels(self) -> tuple[str, ...]:
        """All of its labels."""
        return (self.release, self.url, self.sha256)


ARCHIVES: Final[Mapping[str, Archive]] = {
    'containerd': Archive(
        'MAGNUM_CONTAINERD',
        'containerd_version',
        'containerd_tarball_url',
        'containerd_tarball_sha256',
        'https://github.com/containerd/containerd/releases/download/'
        '{release}/containerd-{version}-linux-{architecture}.tar.gz',
    ),
    'cni-plugins': Archive(
        'MAGNUM_CNI_PLUGINS',
        'flannel_cni_tag',
        'flannel_cni_tarball_url',
        'flannel_cni_tarball_sha256',
        'https://github.com/containernetworking/plugins/releases/download/'
        '{release}/cni-plugins-linux-{architecture}-{release}.tgz',
    ),
    'etcd': Archive(
        'MAGNUM_ETCD',
        'etcd_tag',
        'etcd_tarball_url',
        'etcd_tarball_sha256',
        'https://github.com/etcd-io/etcd/releases/download/'
        '{release}/etcd-{release}-linux-{architecture}.tar.gz',
    ),
}
_OF_FLANNEL: Final = 'cni-plugins'
_OF_MASTERS: Final = 'etcd'
#: The release of etcd of new bays where no label says anything, and the first minor release of
#: Kubernetes 1 that goes with it: those of distributions lack what API servers ask of it.
ETCD: Final = 'v3.5.27'
_FIRST_WITH_ETCD: Final = 31
#: Of masters whose etcd no label has said anything of: that of their guest goes before.
ETCD_OF_GUEST: Final = 'MAGNUM_ETCD_OF_GUEST'
#: Settings that masters keep for good: what they have depends on when they were made.
OF_ETCD: Final = (ARCHIVES[_OF_MASTERS].setting, ETCD_OF_GUEST)
#: The settings that living masters take over, each with the labels that it is made of.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    archive.setting: archive.labels for name, archive in ARCHIVES.items() if name != _OF_MASTERS
}


def settings(plan: BayPlan, role: str, known: Digests) -> dict[str, str]:
    """What nodes of a role are told: releases, addresses and digests, or nothing.

    :param plan: with resolved labels.
    """
    wanted = _wanted(plan)
    found = {
        archive.setting: _words(name, plan.labels, known) if name in wanted else ''
        for name, archive in ARCHIVES.items() if name != _OF_MASTERS
    }
    return found if role != MASTER else {**found, **_of_etcd(plan, known)}


def chooses_etcd(plan: BayPlan) -> bool:
    """Whether a label names etcd: else it is as it was when the bay was made."""
    archive = ARCHIVES[_OF_MASTERS]
    return any(plan.labels.get(label) for label in (archive.release, archive.url))


def check(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that every archive has a source, and a digest from another source than itself.

    :param plan: with resolved labels.
    :raises PlanRefused: naming the label at fault.
    """
    labels, known = plan.labels, capabilities.catalogue.digests
    for archive in ARCHIVES.values():
        if labels[archive.sha256] and not _is_given(archive, labels):
            raise PlanRefused(
                f'labels/{archive.sha256}',
                f'Nothing is checked by it: give {archive.release} or {archive.url}, too.',
            )
    for name, archive in _wanted(plan).items():
        downloads.check_source(plan, archive.url)
        release = labels[archive.release]
        if plan.insecure_downloads or _digests(name, labels, known):
            continue
        if not release:
            raise PlanRefused(
                f'labels/{archive.url}',
                f'Give the SHA-256 of this archive in the label {archive.sha256}.',
            )
        raise PlanRefused(
            f'labels/{archive.release}',
            f'No digest of {name} {release} is known, only of {", ".join(known.get(name, {}))}: '
            f'give the SHA-256 of its archive in the label {archive.sha256}.',
        )


def _of_etcd(plan: BayPlan, known: Digests) -> dict[str, str]:
    archive = ARCHIVES[_OF_MASTERS]
    labels, of_guest = plan.labels, ''
    if not chooses_etcd(plan):
        if downloads.minor(labels['kube_tag']) < _FIRST_WITH_ETCD:
            return dict.fromkeys(OF_ETCD, '')
        labels, of_guest = {**labels, archive.release: ETCD}, 'true'
    return {archive.setting: _words(_OF_MASTERS, labels, known), ETCD_OF_GUEST: of_guest}


def _wanted(plan: BayPlan) -> dict[str, Archive]:
    return {
        name: archive for name, archive in ARCHIVES.items()
        if _is_given(archive, plan.labels)
        and (name != _OF_FLANNEL or plan.network_driver == network.FLANNEL)
    }


def _is_given(archive: Archive, labels: Mapping[str, str]) -> bool:
    return bool(labels[archive.release] or labels[archive.url])


def _words(name: str, labels: Mapping[str, str], known: Digests) -> str:
    archive = ARCHIVES[name]
    release = labels[archive.release]
    url = labels[archive.url] or archive.upstream.replace('{release}', release).replace(
        '{version}', release.removeprefix('v')
    )
    digests = _digests(name, labels, known)
    return ' '.join((release or _OWN, url, *(
        f'{name}/{release or _OWN}{architecture}:{digest}'
        for architecture, digest in digests.items()
    )))


def _digests(name: str, labels: Mapping[str, str], known: Digests) -> dict[str, str]:
    """By architectures, each with a slash before it; that of the label is for any."""
    archive = ARCHIVES[name]
    given = labels[archive.sha256].lower()
    if given:
        return {'': given}
    of_release = known.get(name, {}).get(labels[archive.release], {})
    return {f'/{architecture}': digest for architecture, digest in of_release.items()}
