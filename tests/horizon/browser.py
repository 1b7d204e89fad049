"""A headless Chromium that walks Horizon's pages, and notes all that goes wrong in them."""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

BINARY = os.environ.get('MAGNUM_CHROMIUM') or '/usr/bin/chromium'
DRIVER = os.environ.get('MAGNUM_CHROMEDRIVER') or '/usr/bin/chromedriver'
WIDTH, HEIGHT = 1280, 1010
_PATIENCE = 60.0  # seconds for anything a page does by itself
#: Of a session; Horizon's ends with its token, which in this cloud is after ten minutes.
_SESSION_SECONDS = 240.0
_ARGUMENTS = (
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--no-proxy-server', '--hide-scrollbars', '--force-color-profile=srgb',
    f'--window-size={WIDTH},{HEIGHT}',
)
#: Notes the messages that Horizon shows, before they vanish, for the whole tab.
_NOTE_MESSAGES = """
new MutationObserver(function (changes) {
  changes.forEach(function (change) {
    change.addedNodes.forEach(function (node) {
      if (node.nodeType !== 1) { return; }
      var found = Array.from(node.querySelectorAll('.alert'));
      if (node.matches('.alert')) { found.push(node); }
      found.forEach(function (alert) {
        // Its text is filled in after it was added.
        setTimeout(function () {
          var kind = ['danger', 'success'].find(k => alert.classList.contains('alert-' + k));
          if (!kind) { return; }
          var noted = JSON.parse(sessionStorage.getItem('messages') || '[]');
          noted.push([kind, alert.textContent.replace(/\\s+/g, ' ').trim()]);
          sessionStorage.setItem('messages', JSON.stringify(noted));
        }, 200);
      });
    });
  });
}).observe(document, {childList: true, subtree: true});
"""
_TAKE_MESSAGES = """
var noted = sessionStorage.getItem('messages') || '[]';
sessionStorage.removeItem('messages');
return noted;
"""
#: Whether the page has loaded, asks nothing and shows no sign of waiting.
_IS_IDLE = """
if (document.readyState !== 'complete') { return false; }
var waits = document.querySelector('.modal-dialog.loading, .modal .spinner, .loader-modal');
if (waits) { return false; }
var injector = window.angular && angular.element(document.body).injector();
return !injector || injector.get('$http').pendingRequests.length === 0;
"""
_MODAL = '//div[contains(@class, "modal-content")]'


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that went wrong.

    :ivar kind: ``answer`` (400 and above), ``message`` (of an error) or
        ``console`` (a severe line).
    """

    kind: str
    text: str


class Browser:
    """One window.

    :param url: of Horizon.
    :param pictures: where screenshots go.
    :param downloads: where the browser stores files.
    """

    def __init__(self, url: str, pictures: pathlib.Path, downloads: pathlib.Path):
        self.url = url
        self._pictures = pictures
        self.downloads = downloads
        options = webdriver.ChromeOptions()
        options.binary_location = BINARY
        for argument in _ARGUMENTS:
            options.add_argument(argument)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.execute_cdp_cmd('Browser.setDownloadBehavior', {
            'behavior': 'allow', 'downloadPath': str(downloads),
        })
        self.driver.execute_cdp_cmd(
            'Page.addScriptToEvaluateOnNewDocument', {'source': _NOTE_MESSAGES}
        )
        self._account, self._logged_in = ('', ''), math.inf
        self._successes: list[str] = []
        self._failures: list[str] = []
        self._requests: dict[str, str] = {}

    def close(self) -> None:
        self.driver.quit()

    # What went wrong -----------------------------------------------------------
    def take_faults(self) -> list[Fault]:
        """What went wrong since the last call."""
        self._note_messages()
        found = [Fault('message', text) for text in self._failures]
        self._failures, self._successes = [], []
        for line in self.driver.get_log('browser'):
            if line['level'] == 'SEVERE':
                found.append(Fault('console', line['message']))
        for line in self.driver.get_log('performance'):
            event = json.loads(line['message'])['message']
            found += self._answer_faults(event['method'], event['params'])
        return found

    def _answer_faults(self, event: str, about: dict[str, Any]) -> Iterator[Fault]:
        if event == 'Network.requestWillBeSent':
            self._requests[about['requestId']] = about['request']['method']
        if event == 'Network.responseReceived' and about['response']['status'] >= 400:
            method = self._requests.get(about['requestId'], '')
            path = about['response']['url'].removeprefix(self.url)
            yield Fault('answer', f'{method} {path} {about["response"]["status"]}')

    def _note_messages(self) -> None:
        for kind, text in json.loads(self.driver.execute_script(_TAKE_MESSAGES)):
            (self._successes if kind == 'success' else self._failures).append(text)

    def said(self, text: str) -> None:
        """Wait until Horizon says that something has succeeded."""
        def is_said() -> bool:
            self._note_messages()
            assert not self._failures, self._failures
            return any(text in message for message in self._successes)

        self.until(is_said, f'no message {text!r}')

    # Waiting ---------------------------------------------------------------------
    def until(
        self, what: Callable[[], Any], complaint: str, seconds: float = _PATIENCE
    ) -> Any:
        """The first true answer."""
        end = time.monotonic() + seconds
        while not (answer := what()):
            assert time.monotonic() < end, f'{complaint} in {seconds:.0f} s'
            time.sleep(0.2)
        return answer

    def idle(self) -> None:
        """Wait until the page asks nothing any more, twice in a row."""
        def is_idle() -> bool:
            if not self.driver.execute_script(_IS_IDLE):
                return False
            time.sleep(0.3)
            return bool(self.driver.execute_script(_IS_IDLE))

        self.until(is_idle, 'the page is not idle')

    # Pages -----------------------------------------------------------------------
    def go(self, path: str) -> None:
        """Open a page of Horizon, in a new session where the last one grows old."""
        if time.monotonic() - self._logged_in > _SESSION_SECONDS:
            self.log_in(*self._account)
        self.driver.get(self.url + path)
        self.idle()
        # A table that could not be read has no rows either.
        self._note_messages()
        assert not self._failures, self._failures

    def log_in(self, user: str, password: str) -> None:
        """Open a session of a user's, instead of the one before."""
        self._account, self._logged_in = (user, password), time.monotonic()
        self.driver.delete_all_cookies()
        self.driver.get(f'{self.url}/auth/login/')
        self.find('//input[@id="id_username"]').send_keys(user)
        self.find('//input[@id="id_password"]').send_keys(password)
        self.click('//*[@id="loginBtn"]')
        self.find('//*[contains(@class, "navbar")]')
        self.idle()

    def picture(self, name: str) -> None:
        """Write a screenshot."""
        self.idle()
        with contextlib.suppress(AttributeError):
            # Neither a cursor that blinks nor a field that is lit up.
            self.driver.execute_script('document.activeElement.blur()')
        time.sleep(0.4)  # what slides and fades
        self.driver.save_screenshot(str(self._pictures / f'{name}.png'))

    def all(self, xpath: str) -> list[WebElement]:
        """The elements that are shown."""
        found = self.driver.find_elements(By.XPATH, xpath)
        return [element for element in found if _is_shown(element)]

    def find(self, xpath: str, shown: bool = True) -> WebElement:
        """The first such element, once there is one.

        :param shown: whether it has to be visible.
        """
        def look() -> WebElement | None:
            found = self.driver.find_elements(By.XPATH, xpath)
            return next((each for each in found if not shown or _is_shown(each)), None)

        element = self.until(look, f'nothing at {xpath}')
        assert isinstance(element, WebElement)
        return element

    def click(self, xpath: str) -> None:
        """Click on an element, once it is there and nothing lies over it."""
        def try_it() -> bool:
            element = self.find(xpath)
            self.driver.execute_script('arguments[0].scrollIntoView({block: "center"})', element)
            try:
                element.click()
            except (
                ElementClickInterceptedException, ElementNotInteractableException,
                StaleElementReferenceException,
            ):
                return False
            return True

        self.until(try_it, f'no click on {xpath}')

    # Forms -------------------------------------------------------------------------
    def open_form(self, button: str) -> None:
        """Click on a button that opens a form, and wait for it."""
        self.click(f'//button[contains(., "{button}")]')
        self.find(_MODAL)
        self.idle()

    def fill(self, **fields: object) -> None:
        """Fill in fields by name: text, numbers, ticks, and what a list offers."""
        for name, value in fields.items():
            # The theme hides check boxes behind their labels.
            element = self.find(f'{_MODAL}//*[@name="{name}"]', shown=False)
            if element.tag_name == 'select':
                self._choose(name, str(value))
            elif element.get_attribute('type') == 'checkbox':
                if element.is_selected() != value:
                    self.driver.execute_script('arguments[0].click()', element)
            else:
                element.clear()
                element.send_keys(str(value))

    def _choose(self, name: str, text: str) -> None:
        def is_offered() -> bool:
            return text in self.offered(name)

        self.until(is_offered, f'{name} does not offer {text!r}')
        Select(self.find(f'{_MODAL}//select[@name="{name}"]')).select_by_visible_text(text)
        self.idle()

    def offered(self, name: str) -> list[str]:
        """What a list of a form offers."""
        options = self.driver.find_elements(By.XPATH, f'{_MODAL}//select[@name="{name}"]/option')
        return [(option.get_attribute('textContent') or '').strip() for option in options]

    def value(self, name: str) -> str:
        """What a field of a form holds; of a list, the text of the option."""
        element = self.find(f'{_MODAL}//*[@name="{name}"]', shown=False)
        if element.tag_name == 'select':
            return Select(element).first_selected_option.text
        return element.get_attribute('value') or ''

    def tab(self, title: str) -> None:
        """Turn to another page of a form."""
        self.click(f'{_MODAL}//a[starts-with(normalize-space(.), "{title}")]')
        self.idle()

    def submit(self) -> None:
        """Send a form that Horizon takes for complete."""
        self.click(f'{_MODAL}//button[contains(@class, "btn-primary") and not(@disabled)]')

    def confirm(self) -> None:
        """Agree to what cannot be undone."""
        self.click(f'{_MODAL}//button[contains(@class, "btn-danger")]')

    # Tables --------------------------------------------------------------------------
    def row(self, name: str) -> str:
        """The text of the row with a link of this name; empty when there is none."""
        return next((_text(row) for row in self.all(row_of(name))), '')

    def open_menu(self, name: str) -> None:
        """Open the menu of a row."""
        self.click(f'{row_of(name)}//button[contains(@class, "split-caret")]')
        self.find(f'{row_of(name)}//ul[contains(@class, "dropdown-menu")]')

    def act(self, page: str, name: str, title: str) -> None:
        """Choose an action of a row's menu, on a page that is loaded anew."""
        self.go(page)
        self.open_menu(name)
        self.click(f'{row_of(name)}//ul//a[normalize-space(.) = "{title}"]')
        self.idle()

    # What the panels' own code asks -----------------------------------------------------
    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A request as scripts of the page send them; status and document.

        For what the panels have below ``/api``, and offer no button for.
        """
        script = """
        var done = arguments[arguments.length - 1];
        var token = document.cookie.match(/csrftoken=([^;]+)/)[1];
        fetch(arguments[1], {
          method: arguments[0], body: arguments[2],
          headers: {'X-CSRFToken': token, 'Content-Type': 'application/json',
                    'X-Requested-With': 'XMLHttpRequest'},
        }).then(r => r.text().then(text => done([r.status, text])));
        """
        sent = None if body is None else json.dumps(body)
        status, text = self.driver.execute_async_script(script, method, path, sent)
        return status, json.loads(text) if text else None

    def downloaded(self, suffix: str) -> str:
        """The text of the one file that the browser has stored, once it has; it is removed."""
        def look() -> pathlib.Path | None:
            return next(iter(self.downloads.glob(f'*{suffix}')), None)

        path = self.until(look, f'no file {suffix}')
        assert isinstance(path, pathlib.Path)
        text = path.read_text()
        path.unlink()
        return text


def row_of(name: str) -> str:
    """The place of the row with a link of this name."""
    return f'//tr[.//a[normalize-space(.) = "{name}"]]'


def _is_shown(element: WebElement) -> bool:
    with contextlib.suppress(StaleElementReferenceException):
        return element.is_displayed()
    return False


def _text(element: WebElement) -> str:
    with contextlib.suppress(StaleElementReferenceException):
        return element.text
    return ''
