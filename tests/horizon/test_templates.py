"""The panel of cluster templates, in the order in which a user meets it."""

from collections.abc import Mapping
from typing import Any

from tests.horizon import forms
from tests.horizon.browser import Browser
from tests.horizon.conftest import Record
from tests.horizon.forms import TEMPLATES
from tools.devcloud import settings

NAME = 'panel-template'


def test_empty_list(member: Browser) -> None:
    member.go(TEMPLATES)
    member.picture('templates-empty')
    assert 'No items to display' in member.find('//table').text


def test_wizard_untouched(member: Browser, record: Record) -> None:
    """Its own defaults are taken: Calico, and volumes of Cinder."""
    name = 'panel-untouched'
    forms.begin_template(member, name)
    member.tab('Node Spec')
    assert member.value('volume_driver') == 'Cinder'
    assert member.value('docker_storage_driver') == 'Overlay2'
    member.fill(image_id='ubuntu-24.04')
    member.tab('Network')
    assert member.value('network_driver') == 'Calico'
    member.fill(external_network_id=settings.EXTERNAL_NETWORK)
    member.submit()
    member.said('was successfully created')
    made = record.last('POST', '/v1/clustertemplates').answer
    assert (made['network_driver'], made['volume_driver']) == ('calico', 'cinder')
    forms.delete(member, TEMPLATES, name, 'Delete Cluster Template')


def test_create(member: Browser, record: Record) -> None:
    forms.begin_template(member, NAME)
    member.picture('template-create-info')
    for title, fields in forms.CHOSEN.items():
        member.tab(title)
        member.fill(**fields)
        member.picture(f'template-create-{title.lower().replace(" ", "-")}')
    member.tab('Labels')
    member.fill(labels='kube_tag=v1.33.5, cost_centre=4711')
    member.picture('template-create-labels')
    member.submit()
    member.said('was successfully created')
    assert record.last('POST', '/v1/clustertemplates').answer['labels'] == {
        'kube_tag': 'v1.33.5', 'cost_centre': '4711'
    }


def test_images_offered(member: Browser) -> None:
    """Of the distributions that the service builds of, the panel lists Ubuntu only."""
    forms.begin_template(member, 'never-made')
    member.tab('Node Spec')
    offered = member.offered('image_id')
    assert 'ubuntu-24.04' in offered
    assert 'debian-12' not in offered


def test_list(member: Browser) -> None:
    member.go(TEMPLATES)
    member.picture('templates-list')
    assert 'flannel' in member.row(NAME)


def test_details(member: Browser) -> None:
    member.go(TEMPLATES)
    member.click(f'//a[normalize-space(.) = "{NAME}"]')
    member.idle()
    shown = member.find('//*[contains(@class, "detail")]/ancestor::body').text
    for text in ('ubuntu', 'flannel', 'v1.33.5', '8.8.8.8'):
        assert text in shown
    member.picture('template-details')


def _updated(
    browser: Browser, record: Record, pages: Mapping[str, Mapping[str, object]], picture: str = ''
) -> Any:
    """The template after its form was sent with these fields, by their pages."""
    browser.act(TEMPLATES, NAME, 'Update Cluster Template')
    browser.until(lambda: browser.value('name') == NAME, 'the form is not filled in')
    for title, fields in pages.items():
        browser.tab(title)
        browser.fill(**fields)
    if picture:
        browser.picture(picture)
    browser.submit()
    browser.said('was successfully updated')
    return record.last('PATCH', '/v1/clustertemplates').answer


def test_update(member: Browser, record: Record) -> None:
    """Every field that the form shows can be changed, added and taken away."""
    shown = _updated(member, record, {
        'Node Spec': {
            'docker_volume_size': '5', 'insecure_registry': 'registry.example.org:5000',
        },
        'Network': {
            'dns_nameserver': '9.9.9.9', 'no_proxy': '10.0.0.1', 'master_lb_enabled': True,
        },
        'Labels': {'labels': 'kube_tag=v1.34.1'},
    }, 'template-update')
    assert {name: shown[name] for name in (
        'docker_volume_size', 'insecure_registry', 'dns_nameserver', 'no_proxy',
        'master_lb_enabled', 'labels',
    )} == {
        'docker_volume_size': 5, 'insecure_registry': 'registry.example.org:5000',
        'dns_nameserver': '9.9.9.9', 'no_proxy': '10.0.0.1', 'master_lb_enabled': True,
        'labels': {'kube_tag': 'v1.34.1'},
    }


def test_update_to_nothing(member: Browser, record: Record) -> None:
    shown = _updated(member, record, {
        'Node Spec': {'docker_volume_size': '', 'insecure_registry': ''},
        'Network': {'dns_nameserver': '', 'no_proxy': '', 'master_lb_enabled': False},
        'Labels': {'labels': ''},
    })
    assert (shown['docker_volume_size'], shown['insecure_registry']) == (None, None)
    assert (shown['no_proxy'], shown['master_lb_enabled'], shown['labels']) == (None, False, {})


def test_delete(member: Browser) -> None:
    forms.delete(member, TEMPLATES, NAME, 'Delete Cluster Template')
    member.go(TEMPLATES)
    assert not member.row(NAME)
