"""Refusals that all drivers share: each check looks at one rule of a plan."""

import dataclasses
import ipaddress
from collections.abc import Callable

from magnum.domain import addresses
from magnum.domain.networks import IPV4
from magnum.drivers import load_balancing, stack_parameters
from magnum.drivers.contract import MINIMUM, BayPlan, Capabilities, PlanRefused

Check = Callable[[BayPlan, Capabilities], None]


def counts(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check the node counts: an odd number of masters, none negative."""
    masters = plan.masters.node_count
    if masters < 1 or masters % 2 == 0:
        raise PlanRefused(
            'master_count',
            f'{masters} masters cannot agree by majority: the number of masters must be odd.',
        )
    if plan.workers.node_count < 0:
        raise PlanRefused('node_count', 'The number of nodes is negative.')


def images_and_flavors(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that every group has an image and a flavor."""
    groups = ((plan.masters, 'master_flavor_id'), (plan.workers, 'flavor_id'))
    for group, flavor_field in groups:
        if not group.flavor:
            raise PlanRefused(flavor_field, f'No flavor is given for {group.name}.')
        if not group.image:
            raise PlanRefused('image_id', f'No image is given for {group.name}.')


def minimums(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check numbers against the minimums that the plan's fields declare."""
    for group in (plan.masters, plan.workers):
        for field in dataclasses.fields(group):
            value, minimum = getattr(group, field.name), field.metadata.get(MINIMUM)
            if minimum is not None and value is not None and value < minimum:
                raise PlanRefused(
                    field.name, f'{value} is too small: give {minimum} or more, or nothing.'
                )


def server_type(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that the driver supports the server type."""
    _one_of('server_type', plan.server_type, capabilities.server_types)


def network_driver(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that the driver supports the network driver."""
    _one_of('network_driver', plan.network_driver, capabilities.network_drivers)


def volume_driver(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that the driver supports the volume driver."""
    if plan.volume_driver:
        _one_of('volume_driver', plan.volume_driver, capabilities.volume_drivers)


def docker_storage_driver(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check the Docker storage driver: the one that all today's kernels have."""
    if plan.docker_storage_driver:
        _one_of('docker_storage_driver', plan.docker_storage_driver, ('overlay2',))


def registry(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that no registry on the nodes is asked for."""
    if plan.registry_enabled:
        raise PlanRefused(
            'registry_enabled',
            'No registry is installed on nodes: what is pushed to one would end with its node. '
            'Use a registry beside the bay, and name it by insecure_registry if it has no TLS.',
        )


def networks(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check networks, subnets and floating IPs against each other."""
    if not plan.external_network and (plan.floating_ip_enabled or not plan.fixed_network):
        raise PlanRefused(
            'external_network_id',
            'An external network is needed for floating addresses and for the '
            'router of a new network.',
        )
    if plan.fixed_subnet and not plan.fixed_network:
        raise PlanRefused('fixed_subnet', 'A fixed_subnet needs its fixed_network.')
    if plan.fixed_network_cidr:
        _network('fixed_network', plan.fixed_network_cidr)


def label_addresses(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check the CIDRs that labels list, separated by commas."""
    for label in ('fixed_subnet_cidr', 'master_lb_allowed_cidrs', *stack_parameters.OPENING):
        for text in filter(None, plan.labels.get(label, '').split(',')):
            _network(f'labels/{label}', text, is_exact=label == 'fixed_subnet_cidr')


def _network(field: str, text: str, is_exact: bool = True) -> None:
    """Check that a text is a network of IPv4.

    :param is_exact: the address has no bits beyond the prefix.
    """
    try:
        network = ipaddress.ip_network(text, strict=is_exact)
    except ValueError:
        raise PlanRefused(field, f'{text!r} is no network address.') from None
    if network.version != IPV4:
        raise PlanRefused(field, f'{text!r} is of IPv6: bays have IPv4 alone.')


def cidr_of_nodes(plan: BayPlan) -> str | None:
    """Addresses of the nodes; None in an existing network of which they are not known.

    :param plan: with resolved labels.
    """
    if plan.fixed_network:
        return plan.existing_cidr
    return plan.fixed_network_cidr or plan.labels['fixed_subnet_cidr']


def proxies(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that URLs of proxies hold no credentials."""
    for field in ('http_proxy', 'https_proxy'):
        address = getattr(plan, field) or ''
        if addresses.has_credentials(address):
            raise PlanRefused(field, f'The address holds credentials. {addresses.ADVICE}')
        if addresses.breaks_out(address):
            raise PlanRefused(
                field, 'An address holds no blanks, quotes, backslashes and the like.'
            )


def single_line_texts(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that texts which nodes read as shell assignments have one line."""
    texts = {
        'name': plan.name,
        'http_proxy': plan.http_proxy,
        'https_proxy': plan.https_proxy,
        'no_proxy': plan.no_proxy,
        'insecure_registry': plan.insecure_registry,
    }
    for field, text in texts.items():
        if text and not text.isprintable():
            raise PlanRefused(field, 'Line breaks and the like are not allowed.')


def node_options(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that node labels and taints are for Kubernetes only."""
    if capabilities.coe == 'kubernetes':
        return
    for field in ('node_labels', 'node_taints'):
        if getattr(plan.workers, field):
            raise PlanRefused(field, f'The nodes of {capabilities.coe} have no {field}.')


def load_balanced_masters(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that several masters have a load balancer."""
    if plan.masters.node_count > 1 and not plan.master_lb_enabled:
        raise PlanRefused(
            'master_lb_enabled',
            'More than one master needs a load balancer before them: set master_lb_enabled.',
        )


def _one_of(field: str, value: str, supported: tuple[str, ...]) -> None:
    if value not in supported:
        known = ', '.join(supported) or 'none'
        raise PlanRefused(
            field, f'{value!r} is not supported by this driver, which supports: {known}.'
        )


COMMON: tuple[Check, ...] = (
    counts,
    images_and_flavors,
    minimums,
    server_type,
    network_driver,
    volume_driver,
    docker_storage_driver,
    registry,
    networks,
    label_addresses,
    load_balancing.check,
    single_line_texts,
    proxies,
    node_options,
)
