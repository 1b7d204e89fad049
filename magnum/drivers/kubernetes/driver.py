"""Kubernetes: its programs as systemd services, etcd on the masters."""

import collections
import dataclasses
import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import checks, heat, settings, stack_parameters
from magnum.drivers import labels as label_values
from magnum.drivers.catalogue import Catalogue
from magnum.drivers.contract import (
    MASTER,
    WORKER,
    Access,
    BayPlan,
    Capabilities,
    CloudAccess,
    NodeGroupPlan,
    PlanRefused,
)
from magnum.drivers.kubernetes import (
    addons,
    admission,
    archives,
    client,
    cloud,
    command_lines,
    downloads,
    hardening,
    masters,
    network,
    node_options,
    releases,
)

TLS_PORT = 6443
OPEN_PORT = 8080

#: Whether masters have what an autoscaler in the bay needs.
AUTO_SCALING = 'MAGNUM_AUTO_SCALING'
NODE_RESTRICTION = 'NodeRestriction'

_NODE_CERTIFICATES = {
    'kubelet': NodeCertificate('system:node:{node}', 'system:nodes', server=True, client=True),
    'proxy': NodeCertificate('system:kube-proxy', client=True),
    'flannel': NodeCertificate('magnum:flannel', client=True),
}


def _admission_plugins(label: str) -> str:
    """Those of the label, and always the one that keeps kubelets to their own nodes."""
    return ','.join(dict.fromkeys([NODE_RESTRICTION, *filter(None, label.split(','))]))


def node_restriction(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that no option of the API server disables NodeRestriction."""
    # As the API server is given them; it reads "_" in their names as "-", and
    # lists with quotes around their items.
    for option in command_lines.words(plan.labels.get('kubeapi_options', '')).split():
        name, _, value = option.lstrip('-').replace('_', '-').partition('=')
        if (name == 'disable-admission-plugins' and (
            not value or NODE_RESTRICTION in value
        )) or name == 'authorization-mode':
            raise PlanRefused(
                'labels/kubeapi_options',
                f'{option!r} would let one node act for the others: {NODE_RESTRICTION} and the '
                'authorization modes Node and RBAC stay.',
            )


def _is_release_chosen(*plans: BayPlan) -> bool:
    """Whether a label has the release: else masters keep theirs, whatever the default is."""
    return any('kube_tag' in plan.labels for plan in plans)


def _of_release(plan: BayPlan, release: str | None) -> BayPlan:
    """The plan with a release that no label has, as digests are of one."""
    given = {} if release is None else {'kube_tag': release}
    return dataclasses.replace(plan, labels={**plan.labels, **given})


def _without(plan: BayPlan, label: str) -> BayPlan:
    """The plan of a bay that does not have what a label asks for."""
    return dataclasses.replace(plan, labels={**plan.labels, label: ''})


#: Checks that bays which exist may fail: earlier releases did not make them.
_TOLERATED = (
    command_lines.known,
    admission.check,
    node_restriction,
    hardening.check,
    downloads.check_sources,
    downloads.check_digests,
    archives.check,
    addons.check,
)


class KubernetesDriver(heat.HeatDriver):
    """Masters with etcd and the control plane; masters and workers run kubelets."""

    name = 'kubernetes'
    capabilities = Capabilities(
        coe='kubernetes',
        server_types=('vm',),
        distros=('debian', 'ubuntu'),
        network_drivers=network.DRIVERS,
        volume_drivers=(cloud.CINDER,),
        versions=(),     # those of the catalogue
        nodegroups=True,
        upgrades=(MASTER, WORKER),
        fixed_masters='',
        release_label=releases.LABEL,
    )
    wants_encryption_key = True
    folder = 'kubernetes'
    version = 'kubernetes-4'
    parameter_names = dict.fromkeys(
        ('kubernetes-1', 'kubernetes-2', 'kubernetes-3', 'kubernetes-4'),
        stack_parameters.Names(
            master_count='number_of_masters',
            node_count='number_of_minions',
            nodes_to_remove='minions_to_remove',
            node_image='minion_image',
            node_flavor='minion_flavor',
            workers='kube_minions',
        ),
    )
    without_trust_rounds = frozenset({'kubernetes-1'})
    waited_for_by_heat = frozenset(('kubernetes-1', 'kubernetes-2', 'kubernetes-3'))
    outputs = heat.Outputs(
        masters='kube_masters',
        masters_private='kube_masters_private',
        nodes='kube_minions',
        nodes_private='kube_minions_private',
    )
    refusals = (
        *checks.COMMON,
        checks.load_balanced_masters,
        network.check,
        node_options.registrable,
        command_lines.well_formed,
        *_TOLERATED,
    )
    tolerated = frozenset((*heat.HeatDriver.tolerated, *_TOLERATED))
    lasting_resource = 'etcd_volume'
    younger = {**heat.HeatDriver.younger, 'etcd_volume_size': 0, 'etcd_volume_type': ''}
    parameter_settings = {'kube_version': masters.RELEASE}
    changed_in_place = masters.CHANGED_IN_PLACE
    # Programs were checked by digests from where they came from, if at all; no bay had a
    # cloud provider or archives, whatever its labels are, and etcd was its distribution's. All
    # add-ons had one credential of the cloud.
    formerly = {
        'MAGNUM_INSECURE_DOWNLOADS': 'true',
        'MAGNUM_CLOUD_PROVIDER': 'false',
        addons.PURPOSES: 'false',
        **dict.fromkeys((*archives.LABELS, *archives.OF_ETCD, *hardening.LABELS), ''),
    }
    certificates = {
        MASTER: {
            'server': NodeCertificate(
                'kube-apiserver',
                server=True,
                dns_names=(
                    'kubernetes',
                    'kubernetes.default',
                    'kubernetes.default.svc',
                    'kubernetes.default.svc.cluster.local',
                ),
                api=True,
            ),
            # By these two names etcd tells masters from all others.
            'etcd': NodeCertificate('etcd', server=True, client=True, dns_names=('etcd.magnum',)),
            'kubelet-client': NodeCertificate('magnum:kubelet-client', client=True),
            # With it the API server speaks for its users to aggregated APIs. Only this name
            # may: certificates of all others are of the same authority.
            'front-proxy': NodeCertificate('magnum:front-proxy', client=True),
            'controller-manager': NodeCertificate('system:kube-controller-manager', client=True),
            'scheduler': NodeCertificate('system:kube-scheduler', client=True),
            'admin': NodeCertificate('magnum:admin', 'system:masters', client=True),
            **_NODE_CERTIFICATES,
        },
        WORKER: {
            **_NODE_CERTIFICATES,
            # For one call before the kubelet's first; its key is not kept.
            'renewal': NodeCertificate('magnum:renewal', client=True),
        },
    }

    def __init__(self) -> None:
        self.extend(releases.packaged())

    def extend(self, catalogue: Catalogue) -> None:
        """See the contract."""
        releases.check(catalogue)
        known = self.capabilities.catalogue.extended(catalogue)
        self.capabilities = dataclasses.replace(
            self.capabilities, catalogue=known, versions=releases.lines(known)
        )
        self._labels_schema = releases.schema(known)

    def labels_schema(self) -> Mapping[str, Any]:
        """See the contract."""
        return self._labels_schema

    def support_end(self, coe_version: str) -> str | None:
        """As the catalogue has it of the release's line."""
        return releases.support_end(self.capabilities.catalogue, coe_version)

    def service_addresses(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Of the service ``kubernetes``, the first of the services' range."""
        resolved = label_values.resolve(self.labels_schema(), labels)
        return (str(ipaddress.ip_network(resolved['service_cluster_ip_range'])[1]),)

    def extra_parameters(self, plan: BayPlan) -> Mapping[str, Any]:
        """Those of the Kubernetes template alone."""
        return {
            'kube_version': plan.labels['kube_tag'],
            'network_driver': plan.network_driver,
            'pods_network_cidr': network.pods(plan),
            'flannel_backend': network.flannel_backend(plan),
            'tls_disabled': plan.tls_disabled,
            'etcd_volume_size': plan.labels['etcd_volume_size'],
            'etcd_volume_type': plan.labels['etcd_volume_type'],
        }

    def is_lasting(self, settled: Mapping[str, Any]) -> bool:
        """See the base class: etcd has a volume. Early releases took the label, and made none."""
        return int(settled.get('etcd_volume_size') or 0) > 0

    def footprint(self, plan: BayPlan) -> Mapping[str, int]:
        """See the contract; with the masters' volumes for etcd."""
        size = self._with_default_labels(plan).labels['etcd_volume_size']
        if not size.isdecimal() or not int(size):
            return super().footprint(plan)
        masters = plan.masters.node_count
        of_etcd = collections.Counter(volumes=masters, volume_gigabytes=masters * int(size))
        return of_etcd + collections.Counter(super().footprint(plan))

    def group_parameters(self, group: NodeGroupPlan) -> Mapping[str, Any]:
        """What nodes register with; those that live keep what they have.

        :raises PlanRefused: no shell or kubelet is given what is ill-formed.
        """
        node_options.check(group)
        return {
            'node_labels': node_options.label_words(group.node_labels),
            'node_taints': node_options.taint_words(group.node_taints),
        }

    def check_upgrade(self, current: BayPlan, target: BayPlan) -> None:
        """See the contract."""
        # Masters keep what these have asked; they go as add-ons do.
        if not self._scales(target):
            current = _without(current, 'auto_scaling_enabled')
        if not cloud.balances(self._with_default_labels(target).labels):
            current = self._without_balancing(current)
        had_shares, has_shares = (
            cloud.shares(self._with_default_labels(plan).labels) for plan in (current, target)
        )
        if not has_shares:
            current = _without(current, 'manila_csi_enabled')
        super().check_upgrade(current, target)
        if has_shares and not had_shares:
            raise PlanRefused(
                'labels/manila_csi_enabled',
                'The credential of the cloud that this bay has opens nothing of Manila: make a '
                'new bay.',
            )
        if _is_release_chosen(current, target):
            masters.check_path(
                self._with_default_labels(current), self._with_default_labels(target)
            )

    def check_versions(
        self, current: BayPlan, target: BayPlan, versions: Mapping[str, Mapping[str, str]]
    ) -> None:
        """See the contract: kubelets may be older than API servers by some minor releases."""
        if _is_release_chosen(current, target):
            kubelets = {node: of_node.get('kubelet', '') for node, of_node in versions.items()}
            masters.check_skew(
                self._with_default_labels(current), self._with_default_labels(target), kubelets
            )

    def member_settings(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """See the contract: API servers know etcd of all masters."""
        return {'MAGNUM_MASTER_ADDRESSES': ' '.join(addresses)}

    def master_settings(
        self,
        current: BayPlan,
        target: BayPlan,
        bay_outputs: Mapping[str, Any],
        unsure: Collection[str] = (),
    ) -> Mapping[str, str]:
        """See the contract."""
        settled = bay_outputs.get('settled')
        living = masters.told(settled) if settled else {}
        # Before any default: the release decides on others, and is none that masters go to.
        if not _is_release_chosen(current, target):
            release = living.get(masters.RELEASE) or current.coe_version
            current, target = (_of_release(plan, release) for plan in (current, target))
        is_chosen = 'kube_tag' in target.labels
        if settled and living.get(AUTO_SCALING) != 'true':
            # Masters of when the label had no effect.
            current, target = (
                _without(plan, 'auto_scaling_enabled') for plan in (current, target)
            )
        strange = addons.unknown(living) if settled else frozenset()
        if strange:
            current, target = map(self._with_default_labels, (current, target))
            addons.check_known(current, target, strange)
            current, target = (addons.without(plan, strange) for plan in (current, target))
        addons.check_class(*map(self._with_default_labels, (current, target)))
        had = settled.get('network_driver', network.FLANNEL) if settled else target.network_driver
        if had != target.network_driver:
            # A conductor of a release that had flannel alone made the bay.
            raise PlanRefused('network_driver', f'The nodes of the bay have {had}.')
        knows_purposes = living.get(addons.PURPOSES) == 'true'
        if knows_purposes:
            self._check_granted(current, target)
        before, after = (
            self._changed_in_place(plan, knows_purposes)
            for plan in (self._without_defaults_of(target, current), target)
        )
        after = masters.known(current, target, after, living)
        return masters.changes(
            before, after, {**before, **self.formerly, **living}, is_chosen, unsure,
        )

    def _without_defaults_of(self, target: BayPlan, current: BayPlan) -> BayPlan:
        """The plan as it is, with other images where the target names some that it does not.

        Masters may have those that were the default when they were made: the one of today
        says nothing of them.
        """
        named = {
            label for label in self.capabilities.catalogue.defaults
            if label in target.labels and label not in current.labels
        }
        return dataclasses.replace(
            current, labels={**current.labels, **dict.fromkeys(named, 'another')}
        )

    def version_of_masters(self, changed: Mapping[str, str]) -> str | None:
        """See the contract."""
        return changed.get(masters.RELEASE)

    def _of_masters(self, plan: BayPlan) -> Mapping[str, Any]:
        """See the base class; masters keep etcd by a default, whatever that is for a release."""
        found = dict(super()._of_masters(plan))
        if not archives.chooses_etcd(plan):
            told = settings.parse(found['master_settings'])
            found['master_settings'] = settings.shell({
                name: value for name, value in told.items() if name not in archives.OF_ETCD
            })
        return found

    def _scales(self, plan: BayPlan) -> bool:
        return cloud.scales(self._with_default_labels(plan).labels)

    def _without_balancing(self, plan: BayPlan) -> BayPlan:
        """The plan of a bay that has no ingress controller of Octavia."""
        if not cloud.balances(self._with_default_labels(plan).labels):
            return plan
        return _without(plan, 'ingress_controller')

    def _check_granted(self, current: BayPlan, target: BayPlan) -> None:
        """Check that a bay gets no add-on for which it has no credential of the cloud."""
        granted = cloud.granted(current)
        for name in cloud.purposes(target):
            if name not in granted:
                raise PlanRefused(
                    f'labels/{addons.asks(addons.table()[name])}',
                    f'The credentials of the cloud that this bay has are not for {name}: make a '
                    'new bay.',
                )

    def _changed_in_place(self, plan: BayPlan, knows_purposes: bool) -> dict[str, str]:
        plan = self._with_default_labels(plan)
        found = {
            **self.node_settings(plan, MASTER), masters.RELEASE: plan.labels['kube_tag'],
            'MAGNUM_ADDONS': addons.setting(plan, self.capabilities.catalogue, knows_purposes),
        }
        return {name: found.get(name) or '' for name in self.changed_in_place}

    def api_url(self, address: str, plan: BayPlan) -> str:
        """Of the Kubernetes API; without TLS a second port serves it."""
        if plan.tls_disabled:
            return f'http://{address}:{OPEN_PORT}'
        return f'https://{address}:{TLS_PORT}'

    def client_files(self, access: Access) -> Mapping[str, str]:
        """For kubectl."""
        return client.files(access)

    def wants_cloud_credential(self, plan: BayPlan) -> bool:
        """See the contract."""
        return bool(cloud.purposes(plan))

    def takes_tokens(self, labels: Mapping[str, str]) -> bool:
        """See the contract."""
        return hardening.takes_tokens(label_values.resolve(self.labels_schema(), labels))

    def encrypts_secrets(self, labels: Mapping[str, str]) -> bool:
        """See the contract."""
        resolved = label_values.resolve(self.labels_schema(), labels)
        return 'encryption-provider-config' not in command_lines.options(
            resolved['kubeapi_options']
        )

    def cloud_purposes(self, plan: BayPlan) -> tuple[str, ...]:
        """Its add-ons, and those that an upgrade may bring."""
        return cloud.granted(plan)

    def cloud_access_rules(
        self, plan: BayPlan, of_controllers: Sequence[str], purposes: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Those of what the bay has: the controllers', the autoscaler's, or both."""
        return cloud.access_rules(plan, of_controllers, purposes)

    def cloud_roles(self, held: Sequence[str], purposes: Collection[str]) -> Sequence[str]:
        """See the contract."""
        return cloud.roles(held, purposes)

    def cloud_configuration(self, plan: BayPlan, access: CloudAccess) -> str:
        """For cloud-provider-openstack's controllers."""
        return cloud.configuration(self._with_default_labels(plan), access)

    def coe_version(self, parameters: Mapping[str, Any]) -> str | None:
        """What the stack was told; nodes download exactly that."""
        return parameters.get('kube_version')

    def requested_certificates(self, plan: BayPlan, role: str) -> Mapping[str, NodeCertificate]:
        """All, without TLS for users too: between its own parts Kubernetes needs it."""
        return {
            purpose: certificate for purpose, certificate in self.node_certificates(role).items()
            if purpose != network.FLANNEL or plan.network_driver == network.FLANNEL
        }

    def node_settings(self, plan: BayPlan, role: str) -> Mapping[str, str | None]:
        """Versions, sources, address ranges and options of the programs."""
        labels = plan.labels
        services = ipaddress.ip_network(labels['service_cluster_ip_range'])
        images = labels['container_infra_prefix']
        group = plan.masters if role == MASTER else plan.workers
        of_masters = {} if role != MASTER else {
            'MAGNUM_ADDONS': addons.setting(plan, self.capabilities.catalogue),
            **dict.fromkeys((*addons.KNOWS.values(), addons.PURPOSES), 'true'),
            'MAGNUM_CLOUD_CREDENTIAL': settings.flag(bool(cloud.purposes(plan))),
            AUTO_SCALING: labels['auto_scaling_enabled'],
            'MAGNUM_REMOVED_APIS_ALLOWED': labels['removed_apis_allowed'],
            **{setting: labels[label] for setting, (label,) in masters.PROBES.items()},
            **hardening.settings(labels),
        }
        flannel = {} if plan.network_driver != network.FLANNEL else {
            'MAGNUM_FLANNEL_VERSION': labels['flannel_tag'],
            'MAGNUM_FLANNEL_BINARIES_URL': labels['flannel_binaries_url'],
            'MAGNUM_FLANNEL_BACKEND': labels['flannel_backend'],
        }
        return {
            **of_masters,
            **flannel,
            **archives.settings(plan, role, self.capabilities.catalogue.digests),
            'MAGNUM_CLOUD_PROVIDER': labels['cloud_provider_enabled'],
            'MAGNUM_VOLUME_MOUNT': '/var/lib/containerd',
            'MAGNUM_NODEGROUP': group.name,
            'MAGNUM_NODEGROUP_ROLE': group.role,
            'MAGNUM_KUBE_PROGRAMS': ' '.join(
                downloads.MASTER_PROGRAMS if role == MASTER else downloads.WORKER_PROGRAMS
            ),
            'MAGNUM_DIGESTS': downloads.words(plan, self.capabilities.catalogue.digests),
            'MAGNUM_INSECURE_DOWNLOADS': settings.flag(plan.insecure_downloads),
            'MAGNUM_KUBE_BINARIES_URL': labels['kube_binaries_url'],
            'MAGNUM_NETWORK_DRIVER': plan.network_driver,
            'MAGNUM_POD_CIDR': network.pods(plan),
            'MAGNUM_POD_CIDR_NODE_BITS': network.share(plan),
            'MAGNUM_SERVICE_CIDR': str(services),
            'MAGNUM_SERVICE_ADDRESS': str(services[1]) if role == MASTER else '',
            'MAGNUM_DNS_ADDRESS': str(services[10]),
            'MAGNUM_PAUSE_IMAGE': f'{images or addons.IMAGES}pause:{labels["pause_tag"]}',
            'MAGNUM_COREDNS_IMAGE': (
                f'{images or addons.IMAGES + "coredns/"}coredns:{labels["coredns_tag"]}'
            ),
            'MAGNUM_CGROUP_DRIVER': labels['cgroup_driver'],
            'MAGNUM_ADMISSION_PLUGINS': _admission_plugins(labels['admission_control_list']),
            'MAGNUM_KUBEAPI_OPTIONS': command_lines.words(labels['kubeapi_options']),
            'MAGNUM_KUBECONTROLLER_OPTIONS': (
                network.controller_options(plan)
                + command_lines.words(labels['kubecontroller_options'])
            ),
            'MAGNUM_KUBESCHEDULER_OPTIONS': command_lines.words(labels['kubescheduler_options']),
            'MAGNUM_KUBELET_OPTIONS': command_lines.words(labels['kubelet_options']),
            'MAGNUM_KUBEPROXY_OPTIONS': command_lines.words(labels['kubeproxy_options']),
        }
