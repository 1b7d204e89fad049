"""A bay as its driver sees it."""

from collections.abc import Mapping, Sequence
from typing import Final

from oslo_config import cfg

from magnum.db import models
from magnum.domain.labels import given
from magnum.domain.networks import is_cidr
from magnum.domain.stack_names import nodegroup_stack_name, stack_name
from magnum.drivers.contract import MASTER, WORKER, BayPlan, NodeGroupPlan

#: Tokens of a plan that is only looked at.
NO_TOKENS: Final[Mapping[str, str]] = {MASTER: '', WORKER: ''}


def bay_plan(
    bay: models.Bay,
    baymodel: models.Baymodel,
    nodegroups: Sequence[models.Nodegroup],
    conf: cfg.ConfigOpts,
    bootstrap_url: str = '',
    tokens: Mapping[str, str] = NO_TOKENS,
) -> BayPlan:
    """The plan of a bay: its own values, and its baymodel's where it has none.

    :param nodegroups: with the two default ones among them.
    """
    fixed_network, cidr = _existing_or_cidr(bay.fixed_network)
    groups = {group.role: group for group in nodegroups if group.is_default}
    return BayPlan(
        uuid=bay.uuid,
        name=bay.name,
        stack_name=stack_name(bay.name, bay.uuid),
        project_id=bay.project_id or '',
        coe=baymodel.coe,
        server_type=baymodel.server_type,
        distro=baymodel.cluster_distro or '',
        masters=nodegroup_plan(bay, groups[MASTER]),
        workers=nodegroup_plan(bay, groups[WORKER]),
        external_network=baymodel.external_network_id,
        fixed_network=fixed_network,
        fixed_subnet=bay.fixed_subnet,
        fixed_network_cidr=cidr,
        dns_nameservers=_listed(baymodel.dns_nameserver),
        network_driver=baymodel.network_driver or '',
        volume_driver=baymodel.volume_driver,
        docker_storage_driver=baymodel.docker_storage_driver,
        http_proxy=baymodel.http_proxy,
        https_proxy=baymodel.https_proxy,
        no_proxy=baymodel.no_proxy,
        insecure_registry=baymodel.insecure_registry,
        registry_enabled=baymodel.registry_enabled,
        tls_disabled=baymodel.tls_disabled,
        master_lb_enabled=bay.master_lb_enabled,
        floating_ip_enabled=bay.floating_ip_enabled,
        labels={**preset_labels(conf), **given(bay.labels)},
        ssh_public_key=bay.ssh_public_key,
        bootstrap_url=bootstrap_url,
        bootstrap_tokens=dict(tokens),
        openstack_ca=_ca_text(conf.drivers.openstack_ca_file),
        verify_ca=conf.drivers.verify_ca,
        node_boot_timeout=conf.drivers.node_boot_timeout,
        insecure_downloads=conf.drivers.insecure_downloads,
        trust_interval=conf.bootstrap.trust_interval,
    )


def preset_labels(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Labels that the operator's options stand for, where a bay does not have them."""
    boot_volume_size: int = conf.cinder.default_boot_volume_size
    return {'boot_volume_size': str(boot_volume_size)} if boot_volume_size else {}


def nodegroup_plan(bay: models.Bay, group: models.Nodegroup) -> NodeGroupPlan:
    """The plan of any node group of a bay; a row that is not stored yet will do."""
    return NodeGroupPlan(
        name=group.name,
        role=group.role,
        node_count=group.node_count,
        flavor=group.flavor_id or '',
        image=group.image_id or '',
        docker_volume_size=group.docker_volume_size,
        labels=dict(group.labels),
        revision=group.revision or 0,
        node_labels=dict(group.node_labels or {}),
        node_taints=tuple(group.node_taints or ()),
        stack_name='' if group.is_default else nodegroup_stack_name(
            bay.name, group.name, group.uuid
        ),
    )


def _existing_or_cidr(fixed_network: str | None) -> tuple[str | None, str | None]:
    """A network's name or id, or (2016's meaning) the CIDR of a new subnet."""
    if fixed_network is None:
        return None, None
    return (None, fixed_network) if is_cidr(fixed_network) else (fixed_network, None)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or '').split(',') if part.strip())


def _ca_text(path: str | None) -> str:
    if not path:
        return ''
    with open(path, encoding='utf-8') as file:
        return file.read()
