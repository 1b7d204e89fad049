"""The administrator's panel of quotas, and what a project's members see of them."""

from tests.horizon.browser import Browser
from tests.horizon.conftest import ADMINISTRATOR, MEMBER, Record
from tests.horizon.forms import CLUSTERS
from tools.devcloud import settings

PAGE = '/admin/container_infra/quotas'
PROJECT = settings.ACCOUNTS_BY_NAME[MEMBER].project
_ROW = '//tr[contains(., "Cluster") and .//button]'


def _act(browser: Browser, title: str) -> None:
    """Choose an action of the only quota; the first of them is a button of its own."""
    browser.go(PAGE)
    if browser.all(f'{_ROW}//button[contains(., "{title}")]'):
        browser.click(f'{_ROW}//button[contains(., "{title}")]')
    else:
        browser.click(f'{_ROW}//button[contains(@class, "split-caret")]')
        browser.click(f'{_ROW}//ul//a[normalize-space(.) = "{title}"]')
    browser.idle()


def test_empty_list(administrator: Browser) -> None:
    administrator.go(PAGE)
    assert 'No items to display' in administrator.find('//table').text


def test_create(administrator: Browser, record: Record) -> None:
    administrator.go(PAGE)
    administrator.open_form('Create Quota')
    administrator.fill(project_id=PROJECT, hard_limit=7)
    administrator.picture('quota-create')
    administrator.submit()
    administrator.said('was successfully created')
    assert record.last('POST', '/v1/quotas').answer['hard_limit'] == 7


def test_list(administrator: Browser) -> None:
    administrator.go(PAGE)
    row = administrator.find(_ROW).text
    assert 'Cluster' in row
    assert '7' in row
    administrator.picture('quotas-list')


def test_update(administrator: Browser, record: Record) -> None:
    _act(administrator, 'Update Quota')
    administrator.until(
        lambda: administrator.value('hard_limit') == '7', 'the form is not filled in'
    )
    administrator.fill(hard_limit=9)
    administrator.submit()
    administrator.said('was successfully updated')
    assert record.last('PATCH', '/v1/quotas').answer['hard_limit'] == 9


def test_what_members_see(window: Browser, administrator: Browser) -> None:
    window.log_in(MEMBER, settings.PASSWORD)
    window.go(CLUSTERS)
    assert 'Used 0 of 9' in window.find('//*[contains(@class, "detail")]').text


def test_delete(window: Browser) -> None:
    window.log_in(ADMINISTRATOR, settings.PASSWORD)
    _act(window, 'Delete Quota')
    window.confirm()
    window.said('Deleted quota')
    window.go(PAGE)
    assert 'No items to display' in window.find('//table').text
