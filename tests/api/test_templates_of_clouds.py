"""Templates that clouds and tools show: each is accepted, or refused for a reason."""

import itertools
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import webtest
import yaml

from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service

FILE = pathlib.Path(__file__).parents[2] / 'doc/source/user/templates.yaml'
DATA: dict[str, Any] = yaml.safe_load(FILE.read_text())
HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
GUESTS = {
    'debian-12': 'debian', 'ubuntu-24.04': 'ubuntu', 'fedora-atomic': 'fedora-atomic',
    'fedora-coreos': 'fedora-coreos',
}
#: Collections of both vocabularies, and what a bay calls its baymodel.
NAMES = {
    'bays': ('/v1/baymodels', '/v1/bays', 'baymodel_id'),
    'clusters': ('/v1/clustertemplates', '/v1/clusters', 'cluster_template_id'),
}
#: Members that the older vocabulary calls otherwise, or has not.
OF_BAYS = {'create_timeout': 'bay_create_timeout'}
#: Reasons for which no service builds it: guests and releases at their end, two masters,
#: zones and names that there are not.
IMPOSSIBLE = {'guests', 'releases', 'masters', 'misspelled', 'zone', 'isolator'}
_NUMBERS = itertools.count(1)


@pytest.fixture(scope='module')
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webtest.TestApp]:
    service = Service(
        tmp_path_factory.mktemp('clouds'), Registry.from_entry_points(),
        quotas__max_clusters_per_project=1000,
    )
    cloud = service.cloud
    image = cloud.images[0]
    for number, (name, distro) in enumerate(GUESTS.items()):
        number_text = f'{number:012d}'
        cloud.images.append({
            **image, 'id': f'77777777-0000-4000-8000-{number_text}', 'name': name,
            'os_distro': distro,
        })
    cloud.flavors.append({'id': '7', 'name': 'b2-7', 'disk': 50, 'ram': 7168, 'vcpus': 2})
    cloud.networks.append({
        'id': '77777777-0000-4000-8000-000000000001', 'name': 'Ext-Net', 'router:external': True,
    })
    yield webtest.TestApp(service.application)
    service.stop()


def _refusal(answer: Any, case: dict[str, Any]) -> None:
    """A 400 that names the field, for a reason that the table has."""
    assert answer.status_int == 400, answer.text
    (error,) = answer.json['errors']
    assert error['source']['pointer'] == f'/{case["field"]}', error
    assert case['because'] in DATA['reasons']


@pytest.mark.parametrize('names', NAMES)
@pytest.mark.parametrize(
    'case', DATA['templates'], ids=lambda case: f'{case["who"]}: {case["what"]}'
)
def test_as_the_table_says(client: webtest.TestApp, names: str, case: dict[str, Any]) -> None:
    templates, bays, member = NAMES[names]
    number = next(_NUMBERS)
    is_taken = case.get('outcome', 'accepted') == 'accepted'
    # Baymodels name a key pair always.
    body = {**DATA['defaults'], 'keypair_id': 'default', 'name': f't{number}', **case['template']}
    made = client.post_json(templates, body, headers=HEADERS, expect_errors=True)
    if not is_taken and 'cluster' not in case:
        _refusal(made, case)
        return
    assert made.status_int == 201, made.text
    assert made.json['labels'].keys() == case['template'].get('labels', {}).keys()
    given = dict(case.get('cluster', {}))
    if names == 'bays':
        given = {OF_BAYS.get(name, name): value for name, value in given.items()}
    asked = {'keypair': 'default', **given, 'name': f'c{number}', member: f't{number}'}
    if names == 'bays':
        del asked['keypair']
    preview = client.post_json(f'{bays}?dry_run=true', asked, headers=HEADERS, expect_errors=True)
    answer = client.post_json(bays, asked, headers=HEADERS, expect_errors=True)
    if not is_taken:
        _refusal(preview, case)
        _refusal(answer, case)
        return
    assert preview.status_int == 200, preview.text
    assert answer.status_int in (201, 202), answer.text
    shown = client.get(f'{bays}/c{number}/resolved_labels', headers=HEADERS).json
    idle = [name for name, label in shown['resolved_labels'].items() if label['effect'] == 'none']
    assert idle == sorted(case.get('idle', []))
    # What was sent reads back as it was sent.
    labels = client.get(f'{bays}/c{number}', headers=HEADERS).json['labels']
    sent = given.get('labels', case['template'].get('labels', {}))
    assert labels == {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in sent.items()
    }


def test_the_table_is_wide_and_has_no_idle_reason() -> None:
    cases = DATA['templates']
    assert len(cases) >= 40
    assert len({(case['who'], case['what']) for case in cases}) == len(cases)
    assert {
        'OVHcloud', 'Catalyst Cloud', 'CERN', 'VEXXHOST', 'Cleura', 'StackHPC', 'Nectar',
        'Sunbeam', 'Kolla',
    } <= {case['who'] for case in cases}
    assert {case['because'] for case in cases if 'because' in case} == DATA['reasons'].keys()
    outcomes = [case.get('outcome', 'accepted') for case in cases]
    assert set(outcomes) == {'accepted', 'refused'}
    # What is refused asks for what nobody has any more, or contradicts itself.
    possible = [case for case in cases if case.get('because') not in IMPOSSIBLE]
    assert sum(case.get('outcome') is None for case in possible) >= 0.9 * len(possible)
