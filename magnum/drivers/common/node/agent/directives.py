# roles: master worker
"""Execution of directives: tasks from the service, with verbs of a closed list."""

from __future__ import annotations

import ipaddress
import re
import shlex
import threading
from collections.abc import Callable

from . import state
from .node import Node

FOLDER = '/opt/magnum/directives'
ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
NAME = re.compile(r'[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?')
SETTING = re.compile(r'MAGNUM_[A-Z_]{1,60}')
MOST_NODES, MOST_SECONDS, USUAL_SECONDS = 1000, 3600, 300
MOST_SETTINGS, LONGEST_SETTING = 100, 10_000
#: Seconds beyond its own time limit until a script is killed.
GRACE = 60


def _nodes(value: object) -> str:
    """:raises ValueError: it is no list of names."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_NODES:
        raise ValueError('nodes: a list of names')
    for name in value:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError('nodes: a list of names')
    return ' '.join(value)


def _addresses(value: object) -> str:
    """:raises ValueError: it is no list of IP addresses."""
    if not isinstance(value, list) or len(value) > MOST_NODES:
        raise ValueError('addresses: a list of them')
    return ' '.join(str(ipaddress.ip_address(one)) for one in value)


def _seconds(value: object) -> str:
    """:raises ValueError: it is no time that a directive may take."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_SECONDS:
        raise ValueError(f'seconds: a whole number up to {MOST_SECONDS}')
    return str(value)


def _settings(value: object) -> str:
    """:raises ValueError: they are no settings, as node.env has them."""
    if not isinstance(value, dict) or not 0 < len(value) <= MOST_SETTINGS:
        raise ValueError('settings: texts by name')
    lines = []
    for name, text in value.items():
        if not SETTING.fullmatch(name) or not isinstance(text, str) or (
            len(text) > LONGEST_SETTING or not text.isprintable()
        ):
            raise ValueError(f'settings: {name[:70]} is none')
        lines.append(f'{name}={shlex.quote(text)}\n')
    return ''.join(lines)


#: By verb: parameters, each with its variable and its check.
VERBS: dict[str, dict[str, tuple[str, Callable[[object], str]]]] = {
    'admit': {'nodes': ('MAGNUM_NODES', _nodes)},
    'drain': {'nodes': ('MAGNUM_NODES', _nodes), 'seconds': ('MAGNUM_SECONDS', _seconds)},
    'remove': {'nodes': ('MAGNUM_NODES', _nodes)},
    'retire': {
        'nodes': ('MAGNUM_NODES', _nodes), 'addresses': ('MAGNUM_NODE_ADDRESSES', _addresses),
    },
    'snapshot': {'nodes': ('MAGNUM_NODES', _nodes)},
    'reencrypt': {'seconds': ('MAGNUM_SECONDS', _seconds)},
    'check': {'settings': ('MAGNUM_SETTINGS', _settings)},
    'upgrade': {
        'settings': ('MAGNUM_SETTINGS', _settings), 'seconds': ('MAGNUM_SECONDS', _seconds),
    },
}


def known(node: Node) -> str:
    """Verbs that a node knows, as it tells the service."""
    return ' '.join(
        verb for verb in sorted(VERBS) if (node.path(FOLDER) / f'{verb}.sh').exists()
    )


class Directives:
    """Does what it is told, one after another, beside the reports.

    :param wake: called when there is a result.
    """

    def __init__(self, node: Node, wake: Callable[[], None]) -> None:
        self._node = node
        self._wake = wake
        self._lock = threading.Lock()
        self._running: str | None = None
        self._results: dict[str, dict[str, object]] = {}

    def take(self, told: object) -> None:
        """Start the first directive without a result, unless one is running.

        The service repeats a directive until it has the result.
        """
        for directive in told if isinstance(told, list) else []:
            name = directive.get('id') if isinstance(directive, dict) else None
            if not isinstance(name, str) or not ID.fullmatch(name):
                continue
            with self._lock:
                if self._running is not None:
                    return
                if name in self._results:
                    continue
                self._running = name
            threading.Thread(target=self._do, args=(name, directive), daemon=True).start()

    def results(self) -> dict[str, dict[str, object]]:
        """Results that the service does not have yet, by directive."""
        with self._lock:
            return dict(self._results)

    def heard(self, name: str) -> None:
        """Forget a result: the service has it or refuses it."""
        with self._lock:
            self._results.pop(name, None)

    def _do(self, name: str, directive: dict[str, object]) -> None:
        try:
            is_done, text = self._outcome(directive)
        except Exception as error:
            # The service waits for a result in any case.
            is_done, text = False, f'{type(error).__name__}: {error}'
        result: dict[str, object] = {
            'outcome': 'done' if is_done else 'failed',
            'lines': state.last_lines(self._node, text),
        }
        with self._lock:
            self._running = None
            self._results[name] = result
        self._wake()

    def _outcome(self, directive: dict[str, object]) -> tuple[bool, str]:
        verb, given = directive.get('verb'), directive.get('parameters')
        wanted = VERBS.get(verb) if isinstance(verb, str) else None
        if wanted is None:
            return False, f'this node knows no directive {str(verb)[:40]!r}'
        if not isinstance(given, dict) or given.keys() != wanted.keys():
            return False, '{} has the parameters {}'.format(verb, ', '.join(wanted))
        variables = {variable: check(given[key]) for key, (variable, check) in wanted.items()}
        script = self._node.path(FOLDER) / (f'{verb}.sh')
        if not script.exists():
            return False, f'nodes of this kind have no {verb}'
        seconds = int(given.get('seconds', USUAL_SECONDS))
        done = self._node.run(script, seconds=seconds + GRACE, **variables)
        if done.status is None:
            return False, f'{done.text}\nnot done in {seconds + GRACE} s'
        return done.status == 0, done.text
