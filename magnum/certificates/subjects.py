"""Which subjects a caller may have signed, by the caller's roles.

A rule is one value of ``[x509] subject_rule``: ``<role>: *``, or ``<role>:``
and ``<attribute>=<regular expression>`` pairs joined by commas. In a regular
expression ``{user_id}`` and ``{user_name}`` stand for the caller's own.
"""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from cryptography import x509
from cryptography.x509.oid import NameOID
from oslo_config import cfg

from magnum.certificates.errors import SubjectRefused

_ANY = '*'
#: Of a common name (RFC 5280, ub-common-name), and of an organization.
_LONGEST_NAME = 64
_NO_RULE = 'no rule for these roles'
# The one engine that asks a client who it is, not only for a certificate.
_AUTHORIZING_COE = 'kubernetes'

_ATTRIBUTES = {
    'CN': NameOID.COMMON_NAME,
    'O': NameOID.ORGANIZATION_NAME,
    'OU': NameOID.ORGANIZATIONAL_UNIT_NAME,
    'C': NameOID.COUNTRY_NAME,
    'ST': NameOID.STATE_OR_PROVINCE_NAME,
    'L': NameOID.LOCALITY_NAME,
    'UID': NameOID.USER_ID,
}
# What stands for something of the caller, and what does where that is not known.
_PLACEHOLDERS = ('{user_id}', '{user_name}')
_NOBODY = '(?!)'
# A comma within a regular expression is not followed by "<attribute>=".
_PAIR_SEPARATOR = re.compile(r',\s*(?=[A-Z]+=)')


@dataclasses.dataclass(frozen=True)
class CallerName:
    """How Keystone calls the caller."""

    user_id: str | None = None
    user_name: str | None = None

    def pattern(self, text: str) -> re.Pattern[str]:
        """A regular expression in which the placeholders are the caller's names."""
        for placeholder in _PLACEHOLDERS:
            value = getattr(self, placeholder.strip('{}'))
            text = text.replace(placeholder, re.escape(value) if value else _NOBODY)
        return re.compile(text)


NOBODY = CallerName()


class SubjectRuleInvalid(Exception):
    """A value of ``[x509] subject_rule`` cannot be understood."""

    def __init__(self, text: str, reason: str):
        super().__init__(f'[x509] subject_rule "{text}": {reason}')


@dataclasses.dataclass(frozen=True)
class SubjectRule:
    """One rule; ``patterns`` is None when every subject is allowed.

    A rule that names attributes is *bounding*: what it allows is less than
    all there is in a bay.
    """

    text: str
    role: str
    patterns: Mapping[x509.ObjectIdentifier, str] | None

    @property
    def is_bounding(self) -> bool:
        """Whether only some subjects are allowed."""
        return self.patterns is not None

    def allows(self, subject: x509.Name, coe: str, caller: CallerName = NOBODY) -> bool:
        """Whether this client of such a bay may have this subject."""
        if self.patterns is None:
            return True
        if coe != _AUTHORIZING_COE:
            return False
        values: dict[x509.ObjectIdentifier, list[str | bytes]] = defaultdict(list)
        for attribute in subject:
            values[attribute.oid].append(attribute.value)
        patterns = {oid: caller.pattern(text) for oid, text in self.patterns.items()}
        return values.keys() == patterns.keys() and all(
            isinstance(value, str) and patterns[oid].fullmatch(value)
            for oid, attribute_values in values.items()
            for value in attribute_values
        )


class SubjectPolicy:
    """All the rules.

    :param rules: their texts.
    :raises SubjectRuleInvalid: one of them is malformed.
    """

    def __init__(self, rules: Iterable[str]):
        self._rules = [_parse(text) for text in rules]

    @classmethod
    def from_config(cls, conf: cfg.ConfigOpts) -> 'SubjectPolicy':
        """The policy of ``[x509] subject_rule``."""
        return cls(conf.x509.subject_rule)

    def check(
        self,
        subject: x509.Name,
        roles: Collection[str],
        coe: str,
        caller: CallerName = NOBODY,
    ) -> SubjectRule:
        """The rule that allows a subject, the most generous one if several do.

        :param roles: of the caller; their case does not count.
        :param coe: of the bay.
        :param caller: whom the placeholders of rules mean.
        :raises SubjectRefused: no rule of the roles allows it.
        """
        held = {role.lower() for role in roles}
        rules = [rule for rule in self._rules if rule.role in held]
        allowing = [rule for rule in rules if rule.allows(subject, coe, caller)]
        if not allowing:
            tried = '; '.join(rule.text for rule in rules) or _NO_RULE
            raise SubjectRefused(subject.rfc4514_string(), tried)
        return min(allowing, key=lambda rule: rule.is_bounding)

    def allows_group(self, group: str, roles: Collection[str], caller: CallerName) -> bool:
        """Whether a caller may have a certificate of a group of Kubernetes and the own name."""
        return any(
            self._allows(_member(group, name), roles, caller)
            for name in (caller.user_name, caller.user_id)
            # Longer ones are in no certificate.
            if name and len(name) <= _LONGEST_NAME
        )

    def _allows(self, subject: x509.Name, roles: Collection[str], caller: CallerName) -> bool:
        try:
            self.check(subject, roles, _AUTHORIZING_COE, caller)
        except SubjectRefused:
            return False
        return True


def _member(group: str, name: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])


def _parse(text: str) -> SubjectRule:
    role, colon, condition = (part.strip() for part in text.partition(':'))
    if not (role and colon and condition):
        raise SubjectRuleInvalid(text, 'not of the form "<role>: <condition>"')
    if condition == _ANY:
        return SubjectRule(text, role.lower(), None)
    patterns = dict(_parse_pair(text, pair) for pair in _PAIR_SEPARATOR.split(condition))
    return SubjectRule(text, role.lower(), patterns)


def _parse_pair(text: str, pair: str) -> tuple[x509.ObjectIdentifier, str]:
    attribute, equals, pattern = pair.partition('=')
    if not equals or attribute not in _ATTRIBUTES:
        known = ', '.join(_ATTRIBUTES)
        raise SubjectRuleInvalid(text, f'"{pair}" does not begin with one of {known} and "="')
    try:
        NOBODY.pattern(pattern)
    except re.error as error:
        raise SubjectRuleInvalid(text, f'"{pattern}" is no regular expression: {error}') from None
    return _ATTRIBUTES[attribute], pattern
