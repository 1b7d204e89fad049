"""Admission plugins that labels name, and those that releases have.

An API server ends at once by a plugin that it does not know.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import command_lines, downloads

LABEL: Final = 'admission_control_list'
_OPTIONS_LABEL: Final = 'kubeapi_options'
_OPTIONS: Final = frozenset(
    ('admission-control', 'disable-admission-plugins', 'enable-admission-plugins')
)

#: Plugins that there are no more, each with the line of releases that dropped it.
DROPPED: Final[Mapping[str, str]] = {
    'PersistentVolumeLabel': 'v1.31', 'PodSecurityPolicy': 'v1.25', 'SecurityContextDeny': 'v1.30',
}
#: Minor releases whose plugins are these, as the reference of kube-apiserver has them. Of others
#: nothing is known.
_MINORS: Final = range(31, 36)
_PLUGINS: Final = frozenset((
    'AlwaysAdmit',
    'AlwaysDeny',
    'AlwaysPullImages',
    'CertificateApproval',
    'CertificateSigning',
    'CertificateSubjectRestriction',
    'ClusterTrustBundleAttest',
    'DefaultIngressClass',
    'DefaultStorageClass',
    'DefaultTolerationSeconds',
    'DenyServiceExternalIPs',
    'EventRateLimit',
    'ExtendedResourceToleration',
    'ImagePolicyWebhook',
    'LimitPodHardAntiAffinityTopology',
    'LimitRanger',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionWebhook',
    'NamespaceAutoProvision',
    'NamespaceExists',
    'NamespaceLifecycle',
    'NodeDeclaredFeatureValidator',
    'NodeRestriction',
    'OwnerReferencesPermissionEnforcement',
    'PersistentVolumeClaimResize',
    'PodNodeSelector',
    'PodSecurity',
    'PodTolerationRestriction',
    'PodTopologyLabels',
    'Priority',
    'ResourceQuota',
    'RuntimeClass',
    'ServiceAccount',
    'StorageObjectInUseProtection',
    'TaintNodesByCondition',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionWebhook',
))
#: The first minor releases that have these, where it is not the first of those.
_SINCE: Final[Mapping[str, int]] = {
    'MutatingAdmissionPolicy': 32, 'NodeDeclaredFeatureValidator': 35, 'PodTopologyLabels': 33,
}


def check(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that the release has every plugin that a label names.

    :param plan: with resolved labels.
    :raises PlanRefused: naming the label and the plugin.
    """
    release = plan.labels['kube_tag']
    minor = downloads.minor(release)
    dropped = capabilities.catalogue.dropped_options.get(LABEL, {})
    for label, plugin in _named(plan.labels):
        text = f'{plugin} is no admission plugin of {release}'
        if plugin in dropped and minor >= downloads.minor(dropped[plugin]):
            raise PlanRefused(f'labels/{label}', f'{text}: {dropped[plugin]} dropped it.')
        is_known = plugin in _PLUGINS and minor >= _SINCE.get(plugin, 0)
        if minor in _MINORS and not is_known:
            raise PlanRefused(f'labels/{label}', f'{text}.')


def _named(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels, and the plugins that they name."""
    for plugin in filter(None, labels[LABEL].split(',')):
        yield LABEL, plugin
    for value in command_lines.values(labels[_OPTIONS_LABEL], _OPTIONS):
        # The API server reads lists with quotes around their items, too.
        for plugin in filter(None, value.replace('"', '').split(',')):
            yield _OPTIONS_LABEL, plugin
