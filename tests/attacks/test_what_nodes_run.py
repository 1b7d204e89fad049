"""Bays whose nodes would run, show or let in what their owner should not get them to."""

import pytest
import requests

from tests.attacks.running import RunningService

SECRET = 'pa55w0rd'
KUBERNETES = 'kubernetes'


def ask(
    service: RunningService, labels: dict[str, str], coe: str = KUBERNETES, **baymodel: str
) -> requests.Response:
    """A member's request for a bay."""
    answer = service.ask('POST', '/clustertemplates', json={
        'name': 'attack', 'coe': coe, 'image_id': 'debian', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'external_network_id': 'public', **baymodel,
    })
    if answer.status_code != 201:
        return answer
    return service.ask('POST', '/clusters', json={
        'name': 'attack', 'cluster_template_id': answer.json()['uuid'], 'labels': labels,
    })


@pytest.mark.parametrize(
    ('label', 'value'),
    [
        # Programs that somebody on the way, or at the source, may exchange.
        ('kube_binaries_url', 'http://mirror.example.org/release'),
        ('flannel_binaries_url', 'http://mirror.example.org/flannel'),
        ('kube_binaries_url', f'https://me:{SECRET}@mirror.example.org/release'),
        ('kube_tag', 'v1.34.99'),
        ('flannel_tag', 'v0.99.0'),
        # One node that acts for others.
        ('kubeapi_options', '--disable-admission-plugins=NodeRestriction'),
        ('kubeapi_options', '--authorization-mode=AlwaysAllow'),
        ('kubeapi_options', '"--disable-admission-plugins=NodeRestriction"'),
        ('kubeapi_options', '--disable-admission-plugins="NodeRestriction"'),
        ('kubeapi_options', '--disable_admission_plugins=NodeRestriction'),
        ('kubeapi_options', '--authorization_mode=AlwaysAllow'),
    ],
)
def test_labels_that_open_nodes_are_refused(
    service: RunningService, label: str, value: str
) -> None:
    answer = ask(service, {label: value})
    assert answer.status_code in (400, 409), answer.text
    assert label in answer.json()['errors'][0]['detail']
    assert SECRET not in answer.text


@pytest.mark.parametrize('field', ['http_proxy', 'https_proxy'])
def test_passwords_of_proxies_go_nowhere(service: RunningService, field: str) -> None:
    answer = ask(service, {}, **{field: f'http://me:{SECRET}@proxy.example.org:3128'})
    assert answer.status_code == 400
    assert field in answer.json()['errors'][0]['detail']
    assert SECRET not in answer.text
    assert SECRET not in service.log.read_text()
    assert SECRET not in service.ask('GET', '/clustertemplates').text
