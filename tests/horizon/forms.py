"""The panels' forms as a user fills them in."""

from tests.horizon.browser import Browser
from tests.horizon.conftest import KEYPAIR
from tools.devcloud import settings

TEMPLATES = '/project/cluster_templates'
CLUSTERS = '/project/clusters'
#: What the form of a template has no default for, by its pages.
NEEDED = {
    'Node Spec': {
        'image_id': 'ubuntu-24.04', 'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small',
        'keypair_id': KEYPAIR,
    },
    'Network': {'external_network_id': settings.EXTERNAL_NETWORK},
}
#: More of it, that is not what the form has by default.
CHOSEN = {
    'Node Spec': {**NEEDED['Node Spec'], 'volume_driver': 'Choose a Volume Driver'},
    'Network': {**NEEDED['Network'], 'network_driver': 'Flannel', 'dns_nameserver': '8.8.8.8'},
}


def begin_template(browser: Browser, name: str) -> None:
    """Open the form of a new template, and fill in its first page."""
    browser.go(TEMPLATES)
    browser.open_form('Create Cluster Template')
    browser.fill(name=name, coe='Kubernetes')


def create_template(browser: Browser, name: str, labels: str = '', **more: object) -> None:
    """Make a template by its form, with the form's own defaults: Calico, and Cinder."""
    begin_template(browser, name)
    for title, fields in NEEDED.items():
        browser.tab(title)
        browser.fill(**{field: more.get(field, value) for field, value in fields.items()})
    browser.tab('Labels')
    browser.fill(labels=labels)
    browser.submit()
    browser.said('was successfully created')


def delete(browser: Browser, page: str, name: str, title: str) -> None:
    """Delete what a row is about."""
    browser.act(page, name, title)
    browser.confirm()
    browser.said('Deleted')
