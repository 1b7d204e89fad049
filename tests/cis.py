"""Checks of the CIS benchmark for Kubernetes, as far as programs' options decide them.

By the number in the benchmark, version 1.9. What is not here: checks of static pods,
which bays do not have, and those that a user's workloads decide. Not met are 1.2.3
(DenyServiceExternalIPs), 1.2.9 (EventRateLimit), 1.2.11 (AlwaysPullImages), 4.1.1 (units of
systemd, in which is no secret, are readable), 4.2.7 (nodes are called like their servers),
4.2.13 (a limit of processes per pod) and 4.2.14 (seccompDefault).
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Options = Mapping[str, str]
#: The value of an option, None where it is not given.
Accepts = Callable[[str | None], bool]


@dataclasses.dataclass(frozen=True)
class Check:
    """One option of a program, and what it may be."""

    number: str
    unit: str
    option: str
    accepts: Accepts

    @property
    def name(self) -> str:
        return f'{self.number} {self.unit} {self.option}'

    def holds(self, options: Options) -> bool:
        return self.accepts(options.get(self.option))


def _is(value: str) -> Accepts:
    return lambda found: found == value


def _is_absent(found: str | None) -> bool:
    return found is None


def _is_given(found: str | None) -> bool:
    return bool(found)


def _has(*words: str) -> Accepts:
    return lambda found: set(words) <= set((found or '').split(','))


def _has_not(*words: str) -> Accepts:
    return lambda found: not set(words) & set((found or '').split(','))


def _is_at_least(least: int) -> Accepts:
    return lambda found: int(found or 0) >= least


def is_strong(ciphers: list[str]) -> bool:
    """Whether all have forward secrecy and authenticated encryption."""
    strong = re.compile(r'TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_\d+_GCM|CHACHA20_POLY1305)_SHA\d+')
    return bool(ciphers) and all(strong.fullmatch(cipher) for cipher in ciphers)


_API: Final = 'kube-apiserver'
_MANAGER: Final = 'kube-controller-manager'
_SCHEDULER: Final = 'kube-scheduler'
_ETCD: Final = 'magnum-etcd'

OF_OPTIONS: Final = tuple(Check(*each) for each in (
    ('1.2.1', _API, 'anonymous-auth', _is('false')),
    ('1.2.2', _API, 'token-auth-file', _is_absent),
    ('1.2.4', _API, 'kubelet-client-certificate', _is_given),
    ('1.2.4', _API, 'kubelet-client-key', _is_given),
    ('1.2.5', _API, 'kubelet-certificate-authority', _is_given),
    ('1.2.6', _API, 'authorization-mode', _has_not('AlwaysAllow')),
    ('1.2.7', _API, 'authorization-mode', _has('Node')),
    ('1.2.8', _API, 'authorization-mode', _has('RBAC')),
    ('1.2.10', _API, 'enable-admission-plugins', _has_not('AlwaysAdmit')),
    ('1.2.12', _API, 'disable-admission-plugins', _has_not('ServiceAccount')),
    ('1.2.13', _API, 'disable-admission-plugins', _has_not('NamespaceLifecycle')),
    ('1.2.14', _API, 'enable-admission-plugins', _has('NodeRestriction')),
    ('1.2.15', _API, 'profiling', _is('false')),
    ('1.2.16', _API, 'audit-log-path', _is_given),
    ('1.2.17', _API, 'audit-log-maxage', _is_at_least(30)),
    ('1.2.18', _API, 'audit-log-maxbackup', _is_at_least(10)),
    ('1.2.19', _API, 'audit-log-maxsize', _is_at_least(100)),
    ('1.2.20', _API, 'request-timeout', _is_absent),
    ('1.2.21', _API, 'service-account-lookup', _is_absent),
    ('1.2.22', _API, 'service-account-key-file', _is_given),
    ('1.2.23', _API, 'etcd-certfile', _is_given),
    ('1.2.23', _API, 'etcd-keyfile', _is_given),
    ('1.2.24', _API, 'tls-cert-file', _is_given),
    ('1.2.24', _API, 'tls-private-key-file', _is_given),
    ('1.2.25', _API, 'client-ca-file', _is_given),
    ('1.2.26', _API, 'etcd-cafile', _is_given),
    ('1.2.27', _API, 'encryption-provider-config', _is_given),
    ('1.2.29', _API, 'tls-cipher-suites', lambda found: is_strong((found or '').split(','))),
    ('1.3.1', _MANAGER, 'terminated-pod-gc-threshold', _is_absent),
    ('1.3.2', _MANAGER, 'profiling', _is('false')),
    ('1.3.3', _MANAGER, 'use-service-account-credentials', _is('true')),
    ('1.3.4', _MANAGER, 'service-account-private-key-file', _is_given),
    ('1.3.5', _MANAGER, 'root-ca-file', _is_given),
    ('1.3.7', _MANAGER, 'bind-address', _is('127.0.0.1')),
    ('1.4.1', _SCHEDULER, 'profiling', _is('false')),
    ('1.4.2', _SCHEDULER, 'bind-address', _is('127.0.0.1')),
    ('2.1', _ETCD, 'cert-file', _is_given),
    ('2.1', _ETCD, 'key-file', _is_given),
    ('2.2', _ETCD, 'client-cert-auth', lambda found: found in ('', 'true')),
    ('2.3', _ETCD, 'auto-tls', _is_absent),
    ('2.4', _ETCD, 'peer-cert-file', _is_given),
    ('2.4', _ETCD, 'peer-key-file', _is_given),
    ('2.5', _ETCD, 'peer-client-cert-auth', lambda found: found in ('', 'true')),
    ('2.6', _ETCD, 'peer-auto-tls', _is_absent),
    ('3.2.1', _API, 'audit-policy-file', _is_given),
    ('4.2.1', 'kubelet', 'anonymous-auth', _is_absent),
    ('4.2.2', 'kubelet', 'authorization-mode', _is_absent),
    ('4.2.4', 'kubelet', 'read-only-port', _is_absent),
))


def faults_of_kubelet(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the configuration of a kubelet, by the numbers of checks."""
    authentication = config['authentication']
    checks = {
        '4.2.1': authentication['anonymous']['enabled'] is False,
        '4.2.2': config['authorization']['mode'] == 'Webhook',
        '4.2.3': authentication['x509']['clientCAFile'],
        '4.2.4': config.get('readOnlyPort', 0) == 0,
        '4.2.5': config.get('streamingConnectionIdleTimeout') != '0s',
        '4.2.9': config['tlsCertFile'] and config['tlsPrivateKeyFile'],
        '4.2.12': is_strong(config.get('tlsCipherSuites', [])),
    }
    return [number for number, holds in checks.items() if not holds]


def options(words: list[str]) -> dict[str, str]:
    """Options of a command line as programs take them: of equal ones the last counts."""
    pairs = (word.lstrip('-').partition('=') for word in words)
    return {name: value for name, _, value in pairs}
