"""The panel of clusters: one cluster, from its form to its end.

Its templates have the defaults of their own form: Calico, and volumes of Cinder.
"""

import pathlib

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from keystoneauth1 import adapter

from tests.functional.people import Person
from tests.horizon import forms
from tests.horizon.browser import Browser, row_of
from tests.horizon.conftest import KEYPAIR, MEMBER, Record
from tests.horizon.forms import CLUSTERS, TEMPLATES

NAME = 'panel-cluster'
#: Templates of one release and a later one: the form of an upgrade offers later ones only.
OLD, NEW = 'panel-one', 'panel-two'
_BUILD_SECONDS = 900.0


@pytest.fixture(scope='module', autouse=True)
def _templates(member: Browser, record: Record) -> None:
    for name, labels, flavor in (
        (OLD, 'kube_tag=v1.33.5', 'm1.small'), (NEW, 'kube_tag=v1.34.1', 'm1.medium')
    ):
        forms.create_template(member, name, labels, flavor_id=flavor)
        made = record.last('POST', '/v1/clustertemplates').answer
        assert (made['network_driver'], made['volume_driver']) == ('calico', 'cinder')


def _settled(browser: Browser, seconds: float = _BUILD_SECONDS) -> str:
    """The row of the cluster once nothing goes on; empty once it is gone."""
    def look() -> bool:
        browser.go(CLUSTERS)
        return '_IN_PROGRESS' not in browser.row(NAME)

    browser.until(look, 'something goes on', seconds)
    return browser.row(NAME)


def _uuid(record: Record) -> str:
    rows = record.last('GET', '/v1/clusters/detail').answer['clusters']
    return next(str(row['uuid']) for row in rows if row['name'] == NAME)


def test_empty_list(member: Browser) -> None:
    member.go(CLUSTERS)
    assert 'No items to display' in member.find('//table').text
    assert 'Used 0 of' in member.find('//*[contains(@class, "detail")]').text


def test_create(member: Browser, record: Record) -> None:
    member.go(CLUSTERS)
    member.open_form('Create Cluster')
    member.fill(name=NAME, cluster_template_id=OLD)
    member.until(lambda: member.value('keypair') == KEYPAIR, 'no key pair of the template')
    member.fill(availability_zone='nova')
    member.picture('cluster-create-details')
    member.tab('Size')
    assert member.value('master_flavor_id') == member.value('flavor_id') == 'm1.small'
    member.fill(node_count=2)
    member.picture('cluster-create-size')
    member.tab('Network')
    # What is switched on and off again leaves its fields empty.
    member.fill(master_lb_enabled=True)
    member.picture('cluster-create-network')
    member.fill(master_lb_enabled=False)
    member.tab('Management')
    member.fill(auto_healing_enabled=True)
    member.picture('cluster-create-management')
    member.tab('Advanced')
    member.fill(labels='owner=lab')
    member.picture('cluster-create-advanced')
    member.submit()
    member.said('was successfully created')
    assert record.last('POST', '/v1/clusters').status == 202


def test_list(member: Browser) -> None:
    member.go(CLUSTERS)
    assert 'CREATE_IN_PROGRESS' in member.row(NAME)
    member.picture('clusters-building')
    row = _settled(member)
    assert 'CREATE_COMPLETE' in row
    assert 'v1.33.5' in row
    assert 'Used 1 of' in member.find('//*[contains(@class, "detail")]').text


def test_health(member: Browser, magnum_url: str) -> None:
    """Reported by an agent in the cluster, with its reasons."""
    magnum = adapter.Adapter(
        Person(MEMBER).keystone, endpoint_override=magnum_url,
        additional_headers={'OpenStack-API-Version': 'container-infra 1.13'},
    )
    for status, reason in (('UNHEALTHY', 'node-1.Ready'), ('HEALTHY', 'api')):
        magnum.patch(f'/clusters/{NAME}', json=[
            {'op': 'replace', 'path': '/health_status', 'value': status},
            {'op': 'replace', 'path': '/health_status_reason', 'value': {reason: 'reported'}},
        ])
        member.go(CLUSTERS)
        assert status in member.row(NAME).split()
    member.picture('clusters-list')
    member.open_menu(NAME)
    member.picture('clusters-menu')


def test_drawer(member: Browser) -> None:
    member.go(CLUSTERS)
    member.click(
        f'{row_of(NAME)}//*[contains(@class, "hz-expand") or contains(@class, "fa-chevron")]'
    )
    member.idle()
    member.picture('clusters-drawer')
    shown = member.find('//tr[.//dt[. = "Kubernetes API Address"]]').text
    for text in ('https://', '"api": "reported"'):
        assert text in shown


def test_details(member: Browser) -> None:
    member.go(CLUSTERS)
    member.click(f'//a[normalize-space(.) = "{NAME}"]')
    member.idle()
    shown = member.find('//body').text
    for text in ('https://', 'v1.33.5', 'CREATE_COMPLETE', 'HEALTHY', OLD, 'auto_healing_enabled'):
        assert text in shown
    member.picture('cluster-details')
    member.driver.execute_script('window.scrollTo(0, 10000)')
    member.picture('cluster-details-below')


def _authority(browser: Browser) -> str:
    """The certificate that a row shows."""
    browser.go(CLUSTERS)
    browser.click(f'{row_of(NAME)}//button[contains(., "Show Certificate")]')
    return browser.downloaded('_ca.pem')


def test_show_certificate(member: Browser) -> None:
    assert x509.load_pem_x509_certificate(_authority(member).encode()).issuer


def test_sign_certificate(member: Browser) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'system:masters'),
        x509.NameAttribute(NameOID.COMMON_NAME, 'admin'),
    ])).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    member.act(CLUSTERS, NAME, 'Sign Certificate')
    field = member.find('//div[contains(@class, "modal-content")]//textarea')
    field.send_keys(pem)
    member.picture('cluster-sign-certificate')
    member.submit()
    member.said('was successfully signed')
    signed = x509.load_pem_x509_certificate(member.downloaded('_cert.pem').encode())
    assert signed.public_key() == key.public_key()


def test_config(member: Browser) -> None:
    member.act(CLUSTERS, NAME, 'Get Cluster Config')
    config = yaml.safe_load(member.downloaded('.kubeconfig'))
    assert config['clusters'][0]['cluster']['server'].startswith('https://')
    assert {'client-certificate-data', 'client-key-data'} <= config['users'][0]['user'].keys()


def test_resize(member: Browser, record: Record) -> None:
    member.act(CLUSTERS, NAME, 'Resize Cluster')
    member.until(lambda: member.value('node_count') == '2', 'the form is not filled in')
    member.fill(node_count=3)
    member.picture('cluster-resize')
    member.submit()
    member.said('is being resized')
    assert 'UPDATE_COMPLETE' in _settled(member)
    assert len(_nodes(member, record)) == 3


def _nodes(browser: Browser, record: Record) -> list[str]:
    browser.go(CLUSTERS)
    rows = record.last('GET', '/v1/clusters/detail').answer['clusters']
    return next(row['node_addresses'] for row in rows if row['name'] == NAME)


def test_resize_with_named_nodes(member: Browser, record: Record) -> None:
    """The form of this release gets no list of nodes; what it would send names one all the same."""
    keep = _nodes(member, record)
    gone = _server(keep.pop(0))
    status, _ = member.ask(
        'POST', f'/api/container_infra/clusters/{_uuid(record)}/resize',
        {'node_count': 2, 'nodegroup': 'default-worker', 'nodes_to_remove': [gone]},
    )
    assert status < 300
    assert 'UPDATE_COMPLETE' in _settled(member)
    assert _nodes(member, record) == keep


def _server(address: str) -> str:
    servers = Person(MEMBER).service('compute').get('/servers/detail').json()['servers']
    return next(
        str(server['id']) for server in servers
        if any(each['addr'] == address for net in server['addresses'].values() for each in net)
    )


def test_rolling_upgrade(member: Browser, record: Record) -> None:
    member.act(CLUSTERS, NAME, 'Rolling Cluster Upgrade')
    assert {OLD, NEW} & set(member.offered('cluster_template_id')) == {NEW}
    member.fill(cluster_template_id=NEW)
    member.picture('cluster-upgrade')
    member.submit()
    member.said('is being upgraded')
    assert 'UPDATE_COMPLETE' in _settled(member)
    (cluster,) = record.last('GET', '/v1/clusters/detail').answer['clusters']
    assert (cluster['flavor_id'], cluster['labels']['kube_tag']) == ('m1.medium', 'v1.34.1')


def test_rotate_credentials(member: Browser) -> None:
    member.act(CLUSTERS, NAME, 'Rotate Cluster Credentials')
    member.picture('cluster-rotate-credentials')
    member.confirm()
    member.said('successfully rotated')
    assert 'COMPLETE' in _settled(member)


def test_rotate_certificate(member: Browser, record: Record) -> None:
    """The panels have it without a button; their client stumbles over any answer."""
    before = _authority(member)
    uuid = _uuid(record)
    member.ask('DELETE', f'/api/container_infra/certificates/{uuid}', [uuid])
    assert record.last('PATCH', '/v1/certificates').status == 202
    assert 'COMPLETE' in _settled(member)
    assert _authority(member) != before


def test_delete(member: Browser) -> None:
    member.act(CLUSTERS, NAME, 'Delete Cluster')
    member.picture('cluster-delete')
    member.confirm()
    member.said('Deleted')
    assert not _settled(member)
    for name in (OLD, NEW):
        forms.delete(member, TEMPLATES, name, 'Delete Cluster Template')


def test_downloads_are_all_read(member: Browser) -> None:
    left = [path.name for path in pathlib.Path(member.downloads).iterdir()]
    assert not left
