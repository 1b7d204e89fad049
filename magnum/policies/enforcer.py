"""Policy checks by oslo.policy, with bounded reads of its files."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import cachetools
from oslo_config import cfg
from oslo_policy import policy

from magnum import policies

_RELOAD_INTERVAL: Final = 5.0  # seconds
_ANSWERS: Final = 4096


class _Rules(policy.Enforcer):
    """An oslo.policy enforcer that looks for changed files once per interval."""

    _next_look = 0.0

    def load_rules(self, force_reload: bool = False) -> None:
        now = time.monotonic()
        if force_reload or now >= self._next_look:
            self._next_look = now + _RELOAD_INTERVAL
            super().load_rules(force_reload)


class PolicyUnreadable(Exception):
    """The policy file cannot be read."""


def for_tools() -> policy.Enforcer:
    """oslo.policy's enforcer with the rules of the service, for the programs of oslo.policy.

    They read what ``--config-file`` names into oslo.config's global object;
    without it the service's own files hold.
    """
    conf = cfg.CONF
    if not conf.config_file:
        conf = cfg.ConfigOpts()
        conf([], project='magnum')
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return enforcer


class Enforcer:
    """Policy enforcer of the API."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._rules = _Rules(conf)
        self._rules.suppress_default_change_warnings = True
        self._rules.register_defaults(policies.list_rules())
        # An unreadable policy file stops the service's start, not a request.
        try:
            self._rules.load_rules()
        except ValueError as error:
            raise PolicyUnreadable(
                f'[oslo_policy]policy_file {conf.oslo_policy.policy_file}: {error}'
            ) from error
        self._lock = threading.Lock()
        self._answers: cachetools.TTLCache[tuple[str, str, str], bool] = cachetools.TTLCache(
            _ANSWERS, _RELOAD_INTERVAL
        )

    def allows(
        self, rule: str, credentials: dict[str, Any], target: Mapping[str, Any]
    ) -> bool:
        """Whether the rule holds.

        :param credentials: of the caller, in oslo.policy's words.
        :param target: ``project_id`` and ``user_id`` of what is acted on.
        """
        # oslo.policy takes a tenth of a small request to answer; the same
        # question has the same answer until the files are looked at again.
        question = (rule, repr(credentials), repr(target))
        with self._lock:
            answer = self._answers.get(question)
        if answer is None:
            answer = bool(self._rules.enforce(rule, target, credentials))
            with self._lock:
                self._answers[question] = answer
        return answer
