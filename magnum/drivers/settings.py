"""Settings of nodes: what every node of one role reads from its
``/etc/magnum/node.env``, as data. See ``common/README.rst``.
"""

import shlex
from collections.abc import Callable, Mapping

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.contract import BayPlan

Setting = Callable[[BayPlan], str | None]


def flag(value: bool) -> str:
    """A boolean as the scripts compare it."""
    return 'true' if value else 'false'


def _no_proxy(plan: BayPlan) -> str:
    """The user's exceptions, the node itself and the bay's new subnet."""
    own = ['localhost', '127.0.0.1']
    if not plan.fixed_network:
        own.append(plan.fixed_network_cidr or plan.labels['fixed_subnet_cidr'])
    return ','.join(filter(None, [plan.no_proxy, *own]))


COMMON: Mapping[str, Setting] = {
    'MAGNUM_BAY_UUID': lambda plan: plan.uuid,
    'MAGNUM_BAY_NAME': lambda plan: plan.name,
    'MAGNUM_COE': lambda plan: plan.coe,
    'MAGNUM_BOOTSTRAP_URL': lambda plan: plan.bootstrap_url,
    'MAGNUM_TRUST_SECONDS': lambda plan: str(plan.trust_interval),
    'MAGNUM_VERIFY_CA': lambda plan: flag(plan.verify_ca),
    'MAGNUM_TLS_DISABLED': lambda plan: flag(plan.tls_disabled),
    'MAGNUM_CONTAINER_METADATA': lambda plan: plan.labels['metadata_for_containers'],
    'MAGNUM_HTTP_PROXY': lambda plan: plan.http_proxy,
    'MAGNUM_HTTPS_PROXY': lambda plan: plan.https_proxy,
    'MAGNUM_NO_PROXY': _no_proxy,
    'MAGNUM_STORAGE_DRIVER': lambda plan: plan.docker_storage_driver or 'overlay2',
    'MAGNUM_INSECURE_REGISTRIES': lambda plan: (plan.insecure_registry or '').replace(',', ' '),
}


def certificate_settings(
    certificates: Mapping[str, NodeCertificate],
) -> dict[str, str]:
    """The purposes, and the DNS names of those that have some."""
    settings = {'MAGNUM_CERTIFICATES': ' '.join(certificates)}
    for purpose, certificate in certificates.items():
        if certificate.dns_names:
            suffix = purpose.replace('-', '_')
            settings[f'MAGNUM_CERTIFICATE_NAMES_{suffix}'] = ' '.join(certificate.dns_names)
    return settings


def shell(settings: Mapping[str, str | None]) -> str:
    """Lines ``NAME='value'``, each with its newline; None is empty."""
    lines = []
    for name, value in settings.items():
        quoted = (value or '').replace("'", "'\\''")
        lines.append(f"{name}='{quoted}'\n")
    return ''.join(lines)


def parse(text: str) -> dict[str, str]:
    """The settings of such lines."""
    return dict(word.split('=', 1) for word in shlex.split(text))


def environment(variables: Mapping[str, str]) -> str:
    """Lines that a user's shell can source."""
    return ''.join(f'export {name}={shlex.quote(value)}\n' for name, value in variables.items())
