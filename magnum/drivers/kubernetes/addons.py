"""Add-ons of a bay: which charts its masters keep installed, as ``addons.yaml`` has them.

Of objects masters make a chart themselves.
"""

import base64
import dataclasses
import functools
import ipaddress
import json
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import yaml

from magnum.domain import uuids
from magnum.drivers import composition, files, settings
from magnum.drivers.catalogue import Catalogue
from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import cloud, downloads, network

CHARTS_URL: Final = 'addons_charts_url'
DIGESTS: Final = 'addons_charts_digests'
MANIFEST: Final = 'post_install_manifest_url'
HELM: Final = 'helm'
#: What masters of earlier releases do not know of entries, with the setting of those that do:
#: others cannot be told of such an entry.
KNOWS: Final[Mapping[str, str]] = {
    'objects': 'MAGNUM_KNOWS_OBJECTS', 'secret': 'MAGNUM_KNOWS_SECRETS',
}
#: The setting of masters that may have a credential of the cloud for each add-on that uses it.
PURPOSES: Final = 'MAGNUM_KNOWS_PURPOSES'
IMAGES: Final = 'registry.k8s.io/'
#: What masters are told of an entry as it is.
_TOLD: Final = ('password', 'cloud', 'secret', 'network', 'operates')
#: The Secret of all that use the cloud, or of those that are named here alone.
_CLOUD_CONFIG: Final = 'cloud-config'
_HAS_IT: Final = ('cloud-provider',)
#: Labels that a storage class is made of; its parameters stay.
_OF_CLASS: Final = (
    'manila_csi_share_type', 'manila_csi_share_network_id', 'manila_csi_share_client',
)
_EVERYBODY: Final = '0.0.0.0/0'
_HELM_URL: Final = 'https://get.helm.sh/helm-{release}-linux-{architecture}.tar.gz'

Entry = Mapping[str, Any]


@functools.cache
def table() -> Mapping[str, Entry]:
    """Entries by the names of the add-ons."""
    found: Mapping[str, Entry] = yaml.safe_load(files.read('kubernetes/addons.yaml'))
    return found


def wanted(plan: BayPlan) -> Mapping[str, Entry]:
    """Those that a bay has, in the order in which they are installed.

    :param plan: with resolved labels.
    """
    variables = _variables(plan)
    return {name: entry for name, entry in table().items() if _fits(entry, variables)}


def asks(entry: Entry) -> str:
    """The label that asks for an add-on."""
    label: str = next(iter(entry['when']))
    return label


def charts() -> Mapping[str, Mapping[str, str]]:
    """Digests of the archives that there are, by chart and release."""
    return {entry['chart']: entry['digests'] for entry in table().values() if 'chart' in entry}


def unknown(told: Mapping[str, str]) -> frozenset[str]:
    """What masters do not know of entries.

    :param told: their settings.
    """
    return frozenset(key for key, name in KNOWS.items() if told.get(name) != 'true')


def without(plan: BayPlan, strange: Collection[str]) -> BayPlan:
    """The plan of a bay that has no add-ons with something that its masters do not know.

    :param plan: with resolved labels.
    """
    # What is empty has the label's default.
    gone = {
        label: 'false' if entry['when'][label] == 'true' else ''
        for entry in wanted(plan).values() if not entry.keys().isdisjoint(strange)
        for label in [asks(entry)]
    }
    return dataclasses.replace(plan, labels={**plan.labels, **gone})


def check_known(current: BayPlan, target: BayPlan, strange: Collection[str]) -> None:
    """Check that masters are not to get add-ons with something that they do not know.

    What only comes along with another add-on they do without.

    :param current: and ``target``: with resolved labels.
    """
    had = wanted(current)
    for name, entry in wanted(target).items():
        label = asks(entry)
        is_asked = name not in had and current.labels[label] != target.labels[label]
        if is_asked and not entry.keys().isdisjoint(strange):
            raise PlanRefused(
                f'labels/{label}',
                'The masters of the bay are of an earlier release of the service, which did not '
                'have this add-on: make a new bay.',
            )


def check_class(current: BayPlan, target: BayPlan) -> None:
    """Check that the storage class of shares stays as it is: Kubernetes lets none change.

    :param current: and ``target``: with resolved labels.
    """
    if not (cloud.shares(current.labels) and cloud.shares(target.labels)):
        return
    for label in _OF_CLASS:
        if current.labels[label] != target.labels[label]:
            raise PlanRefused(
                f'labels/{label}',
                'The storage class manila-nfs stays as it was made: make one of your own beside '
                'it.',
            )


def setting(plan: BayPlan, known: Catalogue, knows_purposes: bool = True) -> str:
    """What masters are told: Helm, and the charts with their values.

    JSON in zlib's format in base64: user data is small.

    :param plan: with resolved labels.
    :param known: with the digests.
    :param knows_purposes: those that use the cloud may have a Secret of their own each.
    """
    told: dict[str, dict[str, Any]] = {'helm': _helm(plan.labels, known), 'charts': {}}
    for name, entry in wanted(plan).items():
        is_own = knows_purposes and 'cloud' in entry and name not in _HAS_IT
        secret = f'{_CLOUD_CONFIG}-{name}' if is_own else _CLOUD_CONFIG
        variables = {**_variables(plan), 'cloud_secret': secret}
        chart = (
            _objects(name, entry, variables) if 'objects' in entry
            else _chart(entry, variables, known)
        )
        told['charts'][name] = {**chart, 'cloud_secret': secret} if is_own else chart
    if plan.labels[MANIFEST]:
        told['charts']['manifest'] = {'manifest': plan.labels[MANIFEST], 'namespace': 'default'}
    return base64.b64encode(zlib.compress(json.dumps(told).encode(), 9)).decode()


def check(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that all that add-ons of the bay need has a digest and a source.

    :raises PlanRefused: naming the label at fault.
    """
    labels, catalogue = plan.labels, capabilities.catalogue
    for label in (CHARTS_URL, MANIFEST, 'helm_client_url'):
        downloads.check_source(plan, label)
    there_are = charts()
    for chart in downloads.pairs(labels[DIGESTS]):
        if chart not in there_are:
            known = ', '.join(sorted(there_are))
            raise PlanRefused(f'labels/{DIGESTS}', f'There is no chart {chart!r}, only {known}.')
    _check_ingress(plan)
    _check_client(labels['manila_csi_share_client'])
    entries = wanted(plan).values()
    of_charts = [entry for entry in entries if 'chart' in entry]
    for entry in of_charts:
        _check_release(entry, labels)
    if plan.insecure_downloads:
        return
    for entry in of_charts:
        release, digest = _release(entry, labels), _digest(entry, labels, catalogue)
        if not digest:
            raise PlanRefused(
                f'labels/{entry["release"]}',
                f'No digest of the chart {entry["chart"]} {release} is known, only of '
                f'{", ".join(catalogue.charts[entry["chart"]])}: give its SHA-256 in the label '
                f'{DIGESTS}.',
            )
    if entries and not _helm(labels, catalogue)['sha256']:
        raise PlanRefused(
            'labels/helm_client_tag',
            f'No digest of Helm {labels["helm_client_tag"]} is known, only of '
            f'{", ".join(catalogue.digests[HELM])}: give that of its archive in the label '
            'helm_client_sha256.',
        )


def _variables(plan: BayPlan) -> Mapping[str, str]:
    """Labels and what else values are made of."""
    has_volumes = cloud.claims_volumes(plan.volume_driver, plan.labels)
    return {
        **plan.labels,
        'cinder_csi_enabled': settings.flag(has_volumes),
        'network_driver': plan.network_driver,
        'calico_encapsulation': network.ENCAPSULATIONS.get(
            plan.labels['calico_ipv4pool_ipip'], 'None'
        ),
        'share_client': _share_client(plan),
        'is_only_class': settings.flag(not has_volumes),
        'has_claims': settings.flag(has_volumes or cloud.shares(plan.labels)),
        'ingress_provider': cloud.ingress_provider(plan.labels),
        'registry': plan.labels['container_infra_prefix'].rstrip('/'),
        'uuid': plan.uuid,
    }


def _share_client(plan: BayPlan) -> str:
    """Who may mount shares: the nodes, as far as it is known where they are."""
    own = plan.fixed_network_cidr or plan.labels['fixed_subnet_cidr']
    return plan.labels['manila_csi_share_client'] or (_EVERYBODY if plan.fixed_network else own)


def _fits(entry: Entry, labels: Mapping[str, str]) -> bool:
    return all(
        re.fullmatch(pattern, labels[label]) for label, pattern in entry['when'].items()
    )


def _check_ingress(plan: BayPlan) -> None:
    """Check that the ingress controller of Octavia has all that it needs."""
    if not cloud.balances(plan.labels):
        return
    if plan.labels['monitoring_ingress_enabled'] == 'true':
        raise PlanRefused(
            'labels/monitoring_ingress_enabled',
            'The ingress controller octavia reaches node ports alone, which monitoring has none '
            'of: nginx and traefik reach it.',
        )
    if plan.fixed_network and not uuids.is_uuid(plan.fixed_subnet or ''):
        raise PlanRefused(
            'fixed_subnet',
            'The ingress controller octavia needs the id of the subnet for its load balancers, '
            'where the bay is in a network that exists.',
        )


def _check_client(text: str) -> None:
    try:
        ipaddress.IPv4Network(text or _EVERYBODY)
    except ValueError:
        raise PlanRefused(
            'labels/manila_csi_share_client', f'{text!r} is no network address.'
        ) from None


def _check_release(entry: Entry, labels: Mapping[str, str]) -> None:
    """Check that a release has the chart, in an archive of the name that is known."""
    release = _release(entry, labels)
    line = [int(part) for part in release.split('.')[:2]]
    if line < entry.get('since', line):
        raise PlanRefused(
            f'labels/{entry["release"]}',
            f'{release} has no chart {entry["chart"]}: it is there since '
            f'{_dotted(entry["since"])}.',
        )
    if 'before' in entry and line >= entry['before']:
        raise PlanRefused(
            f'labels/{entry["release"]}',
            f'{release} has another archive of the chart {entry["chart"]} than releases before '
            f'{_dotted(entry["before"])}, which are the ones that this service takes.',
        )


def _dotted(numbers: Sequence[int]) -> str:
    return '.'.join(map(str, numbers))


def _release(entry: Entry, labels: Mapping[str, str]) -> str:
    return labels[entry['release']].removeprefix('v')


def _digest(entry: Entry, labels: Mapping[str, str], known: Catalogue) -> str:
    chart = entry['chart']
    given = downloads.pairs(labels[DIGESTS])
    return given.get(chart, known.charts.get(chart, {}).get(_release(entry, labels), ''))


def _objects(name: str, entry: Entry, variables: Mapping[str, str]) -> Mapping[str, Any]:
    also = [each['objects'] for each in entry.get('also', ()) if _fits(each, variables)]
    documents = [
        composition.merge([one, *(kinds.get(one['kind'], {}) for kinds in also)], {
            **variables,
            'image': _image(entry, variables) if 'image' in entry else '',
            'instance': f'magnum-{name}',
            'namespace': entry['namespace'],
        })
        for one in yaml.safe_load_all(files.read(f'kubernetes/objects/{entry["objects"]}'))
    ]
    told = composition.merge([_told(entry)], variables)
    return {'namespace': entry['namespace'], 'values': {'objects': documents}, **told}


def _image(entry: Entry, variables: Mapping[str, str]) -> str:
    path, prefix = entry['image'], variables['container_infra_prefix']
    image = f'{prefix}{path.rpartition("/")[2]}' if prefix else f'{IMAGES}{path}'
    return f'{image}:{variables[entry["tag"]]}'


def _told(entry: Entry) -> dict[str, Any]:
    return {name: entry[name] for name in _TOLD if name in entry}


def _chart(
    entry: Entry, variables: Mapping[str, str], known: Catalogue
) -> Mapping[str, Any]:
    release = _release(entry, variables)
    also = [each['values'] for each in entry.get('also', ()) if _fits(each, variables)]
    tags = [
        _at(path, f'<{label}>') for label, path in entry.get('tags', {}).items()
        if variables[label]
    ]
    url = variables[CHARTS_URL] or entry['url']
    archive = entry.get('archive', f'{entry["chart"]}-<release>.tgz')
    filled = composition.merge(
        [{'url': f'{url}/{archive}', 'values': entry['values']},
         *({'values': values} for values in (*also, *tags))],
        {**variables, 'release': release},
    )
    return {
        'url': filled['url'],
        'sha256': _digest(entry, variables, known),
        'namespace': entry['namespace'],
        'values': filled['values'],
    } | _told(entry)


def _at(path: str, value: str) -> Mapping[str, Any]:
    """Values of a chart with one at a path, whose keys are separated by points."""
    found: Any = value
    for key in reversed(path.split('.')):
        found = {key: found}
    return dict(found)


def _helm(labels: Mapping[str, str], known: Catalogue) -> dict[str, Any]:
    """Where its archives are, ``{architecture}`` in their names, and their digests."""
    release, digest = labels['helm_client_tag'], labels['helm_client_sha256'].lower()
    digests = known.digests[HELM].get(release, {})
    return {
        'release': release,
        'url': labels['helm_client_url'] or _HELM_URL.replace('{release}', release),
        'sha256': dict.fromkeys(downloads.ARCHITECTURES, digest) if digest else digests,
    }
