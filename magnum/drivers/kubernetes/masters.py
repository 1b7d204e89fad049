"""Settings of living masters that an upgrade changes: above all the release of Kubernetes."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from magnum.domain.plain_text import few
from magnum.drivers import settings
from magnum.drivers.contract import BayPlan, PlanRefused
from magnum.drivers.kubernetes import archives, downloads, hardening

RELEASE: Final = 'MAGNUM_KUBE_VERSION'
#: The first minor release of 1 whose API servers serve kubelets three minor releases older,
#: by the project's policy of version skew; those before it serve two.
_FIRST_OF_THREE: Final = 28
_RELEASE: Final = re.compile(r'v1\.[0-9]')
#: How the bay's own pods are asked whether they live: settings, each with its label.
PROBES: Final[Mapping[str, tuple[str]]] = {
    'MAGNUM_SYSTEM_PODS_DELAY': ('system_pods_initial_delay',),
    'MAGNUM_SYSTEM_PODS_TIMEOUT': ('system_pods_timeout',),
}
#: Settings that masters of earlier releases do not know, each with its labels.
_YOUNGER: Final[Mapping[str, tuple[str, ...]]] = {
    **archives.LABELS, **hardening.LABELS, **PROBES,
}
#: All that the node script ``directives/upgrade.sh`` brings to programs that run.
CHANGED_IN_PLACE: Final = frozenset((
    *_YOUNGER,
    RELEASE,
    'MAGNUM_ADDONS',
    'MAGNUM_ADMISSION_PLUGINS',
    'MAGNUM_COREDNS_IMAGE',
    'MAGNUM_DIGESTS',
    'MAGNUM_FLANNEL_BINARIES_URL',
    'MAGNUM_FLANNEL_VERSION',
    'MAGNUM_INSECURE_DOWNLOADS',
    'MAGNUM_KUBEAPI_OPTIONS',
    'MAGNUM_KUBECONTROLLER_OPTIONS',
    'MAGNUM_KUBELET_OPTIONS',
    'MAGNUM_KUBEPROXY_OPTIONS',
    'MAGNUM_KUBESCHEDULER_OPTIONS',
    'MAGNUM_KUBE_BINARIES_URL',
    'MAGNUM_PAUSE_IMAGE',
    'MAGNUM_REMOVED_APIS_ALLOWED',
))


def known(
    current: BayPlan, target: BayPlan, after: Mapping[str, str], told: Mapping[str, str]
) -> dict[str, str]:
    """``after`` without settings that scripts of the living masters do not know.

    :param current: with the labels that are given, as ``target``.
    :param after: settings by the target.
    :param told: what the masters were made with.
    :raises PlanRefused: a label asks for such a one.
    """
    unknown = _YOUNGER.keys() - told.keys()
    for label in (label for name in sorted(unknown) for label in _YOUNGER[name]):
        if current.labels.get(label) != target.labels.get(label):
            raise PlanRefused(
                f'labels/{label}',
                'The masters of this bay were made by a release that did not know this: make a '
                'new bay.',
            )
    return {name: value for name, value in after.items() if name not in unknown}


def changes(
    before: Mapping[str, str],
    after: Mapping[str, str],
    told: Mapping[str, str],
    is_chosen: bool,
    unsure: Collection[str] = (),
) -> dict[str, str]:
    """Settings that masters are to be given.

    Those that the plans have differently; with another release all that goes with it.
    Other defaults of this service than those of then change nothing in bays that live.

    :param before: by the plan as it is; ``after``: as it is to be.
    :param told: what the masters have.
    :param is_chosen: the release is a label of the plan, and no default.
    :param unsure: what some masters may have otherwise. Of these the release stays: none
        goes back.
    """
    again = (set(unsure) & after.keys()) - {RELEASE}
    differing = {name for name, value in after.items() if value != before[name]}
    if is_chosen and after[RELEASE] != told[RELEASE]:
        differing |= after.keys()
    return {
        name: after[name] for name in sorted(differing | again)
        if name in again or after[name] != told.get(name)
    }


def told(settled: Mapping[str, str]) -> dict[str, str]:
    """What masters have, by the stack's output ``settled``."""
    return {**settings.parse(settled['master_settings']), RELEASE: settled['kube_version']}


def check_path(current: BayPlan, target: BayPlan) -> None:
    """Check that masters can be brought from one release to the other.

    They go up by one minor release at a time, and never down: etcd keeps objects in
    forms that an older API server does not know.

    :param current: with the version that its masters have; labels are complete.
    """
    was, will = current.coe_version or current.labels['kube_tag'], target.labels['kube_tag']
    steps = downloads.minor(will) - downloads.minor(was)
    if steps < 0:
        raise PlanRefused(
            'labels/kube_tag', f'Masters that have {was} do not go back to {will}.'
        )
    if steps > 1:
        raise PlanRefused(
            'labels/kube_tag',
            f'From {was} to {will} is more than one minor release: upgrade to '
            f'v1.{downloads.minor(was) + 1} first.',
        )


def check_skew(current: BayPlan, target: BayPlan, kubelets: Mapping[str, str]) -> None:
    """Check that masters of a later release still serve the kubelets that there are.

    Node groups that an upgrade names not, or comes to later, have theirs meanwhile.

    :param current: with the version that its masters have; labels are complete.
    :param kubelets: versions by worker; empty or ill-formed ones are not known.
    """
    was, will = current.coe_version or current.labels['kube_tag'], target.labels['kube_tag']
    if downloads.minor(will) <= downloads.minor(was):
        return
    oldest = downloads.minor(will) - _skew(will)
    behind = sorted(
        f'{node} ({version})' for node, version in kubelets.items()
        if _RELEASE.match(version) and downloads.minor(version) < oldest
    )
    if behind:
        raise PlanRefused(
            'labels/kube_tag',
            f'Masters of {will} serve kubelets of v1.{oldest} and later, which these are not: '
            f'{few(behind)}. Upgrade their node groups first, each by its '
            'name, to the template that the bay has.',
        )


def _skew(release: str) -> int:
    """How many minor releases kubelets may be older than an API server."""
    return 3 if downloads.minor(release) >= _FIRST_OF_THREE else 2
