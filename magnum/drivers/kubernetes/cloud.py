"""The cloud as the controllers of a bay use it: who gets a credential of it, and how."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from magnum.domain import stack_names, uuids
from magnum.drivers import labels, load_balancing
from magnum.drivers.contract import BayPlan, CloudAccess

CINDER: Final = 'cinder'
OCTAVIA: Final = 'octavia'
_PLAIN: Final = re.compile('[A-Za-z0-9._:/-]+')
#: Where nodes have the authority of the cloud's endpoints.
_CA_FILE: Final = '/etc/magnum/openstack-ca.pem'
#: What the cluster autoscaler asks for: the bay and its node groups, resizes of it, and
#: in Heat which servers it has. A stack's id alone leads to its name, and to nothing else.
#: Names of further node groups' stacks have no more of the bay than a part of its name.
_OF_AUTOSCALER: Final = (
    'container-infra GET /**/clusters/{bay}',
    'container-infra GET /**/clusters/{bay}/nodegroups',
    'container-infra GET /**/clusters/{bay}/nodegroups/*',
    'container-infra POST /**/clusters/{bay}/actions/resize',
    'orchestration GET /**/stacks/*',
    'orchestration GET /**/stacks/*/resources',
    *(
        f'orchestration GET /**/stacks/{stacks}{path}'
        for stacks in ('{stack}', '{stack}-*', '{groups}-*')
        for path in ('/*', '/*/resources', '/*/resources/kube_minions')
    ),
    'compute GET /**/flavors/*',
)
#: What the ingress controller of Octavia asks for beside what all controllers do: it looks for
#: secrets before it deletes a load balancer. It makes none.
_OF_INGRESS: Final = ('key-manager GET /**/secrets',)
#: What the CSI driver of Manila asks for: the versions of its API, shares, snapshots, types,
#: who may mount, and why something failed; it makes and deletes shares and snapshots. An
#: action lets somebody mount a share, or makes it greater. Clouds call Manila by one of two
#: types.
_OF_SHARES: Final = tuple(
    f'{service} {rule}'
    for service in ('shared-file-system', 'sharev2')
    for rule in (
        'GET /**v2/',
        'GET /**/shares**',
        'GET /**/share-access-rules**',
        'GET /**/snapshots**',
        'GET /**/types**',
        'GET /**/messages**',
        'POST /**/shares',
        'POST /**/shares/*/action',
        'POST /**/shares/*/metadata',
        'DELETE /**/shares/*',
        'POST /**/snapshots',
        'DELETE /**/snapshots/*',
    )
)
_NO_VOLUMES: Final = {
    'compute': ('GET', 'HEAD'), **dict.fromkeys(('block-storage', 'volumev3', 'image'), ()),
}
#: Who has the rules that are for all controllers: methods that it has of services, where it
#: has not all.
_OF_CONTROLLERS: Final[Mapping[str, Mapping[str, Collection[str]]]] = {
    'cloud-provider': _NO_VOLUMES,
    'octavia-ingress': _NO_VOLUMES,
    'cinder-csi': {'network': (), 'load-balancer': ()},
}
#: What each asks for beside that.
_OWN: Final[Mapping[str, Sequence[str]]] = {
    'octavia-ingress': _OF_INGRESS, 'manila-csi': _OF_SHARES, 'autoscaler': _OF_AUTOSCALER,
}
_ORDER: Final = ('cloud-provider', 'octavia-ingress', 'cinder-csi', 'manila-csi', 'autoscaler')
#: Of these, what an upgrade brings to a bay that has one of them: there is a credential then.
_LATER: Final = ('octavia-ingress', 'cinder-csi')
#: Who makes load balancers, for which Octavia has roles.
_OF_BALANCERS: Final = ('cloud-provider', 'octavia-ingress')
_ROLES_OF_BALANCERS: Final = 'load-balancer_'
#: Of these the cloud's load balancers read no HTTP, which ingresses need.
_WITHOUT_HTTP: Final = ('ovn',)


def purposes(plan: BayPlan) -> tuple[str, ...]:
    """The add-ons that use the cloud."""
    resolved = _resolved(plan)
    wanted = {
        'cloud-provider': resolved['cloud_provider_enabled'] == 'true',
        'octavia-ingress': balances(resolved),
        'cinder-csi': claims_volumes(plan.volume_driver, resolved),
        'manila-csi': shares(resolved),
        'autoscaler': scales(resolved),
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def granted(plan: BayPlan) -> tuple[str, ...]:
    """What the bay gets credentials for: its add-ons, and those that an upgrade may bring.

    Those that need to know networks come first.
    """
    wanted = purposes(plan)
    later = () if set(wanted).isdisjoint(_OF_CONTROLLERS) else _LATER
    of_both = {*wanted, *later}
    return tuple(sorted(of_both, key=_ORDER.index))


def scales(resolved: Mapping[str, str]) -> bool:
    """Whether the bay has the cluster autoscaler.

    :param resolved: its labels.
    """
    return resolved['auto_scaling_enabled'] == 'true'


def shares(resolved: Mapping[str, str]) -> bool:
    """Whether the bay's pods get shares of Manila by claims.

    :param resolved: its labels.
    """
    return resolved['manila_csi_enabled'] == 'true'


def balances(resolved: Mapping[str, str]) -> bool:
    """Whether the bay has the ingress controller of Octavia.

    :param resolved: its labels.
    """
    return resolved['ingress_controller'] == OCTAVIA


def ingress_provider(resolved: Mapping[str, str]) -> str:
    """Octavia's provider of load balancers for ingresses; empty: the cloud's default one."""
    provider = resolved['octavia_provider']
    return 'amphora' if provider in _WITHOUT_HTTP else provider


def access_rules(
    plan: BayPlan, of_controllers: Sequence[str], of: Collection[str] = ()
) -> tuple[str, ...]:
    """See the contract."""
    if not of_controllers:
        return ()
    wanted = sorted(of, key=_ORDER.index) if of else purposes(plan)
    words = {
        'bay': plan.uuid,
        'stack': stack_names.stack_name(plan.name, plan.uuid),
        'groups': stack_names.common_prefix(plan.name),
    }
    found = [
        rule for name in wanted if name in _OF_CONTROLLERS
        for rule in _narrowed(of_controllers, _OF_CONTROLLERS[name] if of else {})
    ] + [
        rule.format(**words) for name in wanted for rule in _OWN.get(name, ())
    ]
    return tuple(dict.fromkeys(found))


def roles(held: Sequence[str], of: Collection[str]) -> Sequence[str]:
    """See the contract."""
    if not of or not set(of).isdisjoint(_OF_BALANCERS):
        return held
    return [role for role in held if not role.lower().startswith(_ROLES_OF_BALANCERS)] or held


def claims_volumes(volume_driver: str | None, resolved: Mapping[str, str]) -> bool:
    """Whether the bay's pods get volumes of Cinder by claims.

    :param resolved: its labels.
    """
    return volume_driver == CINDER or resolved['cinder_csi_enabled'] == 'true'


def configuration(plan: BayPlan, access: CloudAccess) -> str:
    """Make the file that cloud-provider-openstack's controllers read.

    What is empty is left out, and they choose by themselves: so they find the
    subnet of load balancers by the addresses of nodes.

    :param plan: with labels that are complete.
    """
    zone, of_volumes = (
        plan.labels[name] for name in ('availability_zone', 'volume_availability_zone')
    )
    own_zones = of_volumes not in ('', zone)
    is_id = uuids.is_uuid(access.subnet)
    sections: Mapping[str, Mapping[str, str | None]] = {
        'Global': {
            'auth-url': access.auth_url,
            'application-credential-id': access.credential_id,
            'application-credential-secret': access.secret,
            'region': access.region,
            'ca-file': _CA_FILE if plan.openstack_ca else None,
            'tls-insecure': None if plan.verify_ca else 'true',
        },
        # Kubernetes has IPv4 only here, whatever else a network has.
        'Networking': {'ipv6-support-disabled': 'true'},
        'LoadBalancer': {
            'subnet-id': access.subnet if is_id else None,
            'floating-network-id': access.external_network_id,
            'lb-provider': plan.labels['octavia_provider'],
            'lb-method': load_balancing.algorithm(plan),
        },
        # Volumes of another zone than the nodes' are attached all the same.
        'BlockStorage': {'ignore-volume-az': 'true' if own_zones else None},
    }
    return '\n'.join(_section(name, values) for name, values in sections.items())


def _resolved(plan: BayPlan) -> Mapping[str, str]:
    return labels.resolve(labels.schema('kubernetes'), plan.labels)


def _narrowed(
    rules: Sequence[str], methods_of: Mapping[str, Collection[str]]
) -> list[str]:
    """Rules without methods that are not among those of their service, where it has some."""
    found = []
    for rule in rules:
        service, methods, path = rule.split(' ', 2)
        allowed = methods_of.get(service)
        kept = [one for one in methods.split(',') if allowed is None or one in allowed]
        if kept:
            found.append(f'{service} {",".join(kept)} {path}')
    return found


def _section(name: str, values: Mapping[str, str | None]) -> str:
    lines = [f'{key}={_quoted(value)}' for key, value in values.items() if value]
    return ''.join(f'{line}\n' for line in (f'[{name}]', *lines))


def _quoted(value: str) -> str:
    """Quote a value where it is not plain; "#" and ";" begin comments."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace('\\', '\\\\').replace('"', '\\"')
    return f'"{escaped}"'
