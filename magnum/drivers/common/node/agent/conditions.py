# roles: master worker
"""Conditions and versions of a node, as they are reported."""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import time

from . import certificates
from .channel import Channel
from .node import Node, ProgramFailed

#: Of the COE: prints lines "condition NAME STATUS REASON TEXT" and "version NAME VALUE".
SCRIPT = '/opt/magnum/conditions.sh'
#: Units that the steps started, one a line.
SERVICES = '/etc/magnum/services'
DISKS = ('/', '/var/lib/docker', '/var/lib/containerd', '/var/lib/etcd', '/var/lib/magnum-etcd')
#: What the service accepts; one invalid name makes it refuse the whole report.
NAME, REASON = re.compile('[A-Z][A-Za-z0-9]{0,39}'), re.compile('[A-Za-z0-9]{0,64}')
PROGRAM = re.compile('[A-Za-z][A-Za-z0-9._-]{0,39}')
STATUSES = ('True', 'False', 'Unknown')
MEGABYTE = 1 << 20
LEAST_PART, LEAST_BYTES = 0.05, 500 * 1000 * 1000
#: Minutes by which the clock is off.
MOST_APART = 1
MOST_TEXT = 300
#: Seconds until a service that is not active is checked again: it may be restarting.
SETTLING = 5.0
SCRIPT_SECONDS = 60.0
VERSIONS_SECONDS = 3600.0
#: Of a step by which numbers are told, how far below it they stay told as they were.
SLACK = 0.1
#: What programs say otherwise each time although nothing is new: how long they waited, and
#: the time and process at the head of a line of klog.
FLEETING = re.compile(r' after \d+ (?:ms|milliseconds)\b|\b[EFIW]\d{4} [\d:.]+ +\d+ ')


def condition(status: object, reason: str, text: str = '') -> dict[str, str]:
    """A condition as it is reported.

    :param status: a boolean, or one of STATUSES.
    """
    return {'status': str(status), 'reason': reason, 'message': text[:MOST_TEXT]}


class Conditions:
    """Checks of a node.

    The service writes what is new: numbers are told in coarse steps, and one that moves
    about a limit is not told anew each time.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._versions: dict[str, str] = {}
        self._versions_end = 0.0
        #: The steps that were told, by what they are of.
        self._steps: dict[str, int] = {}

    def look(self, channel: Channel, is_built: bool) -> dict[str, dict[str, str]]:
        """The conditions; those of services only when the node is built."""
        found = {'Disk': self._disk(), 'Clock': self._clock(channel.apart)}
        try:
            ending = certificates.ending(self._node, time.time() + channel.apart)
            if self._node.purposes():
                found['Certificates'] = condition(
                    not ending, 'NearEnd' if ending else 'Valid', ending
                )
        except ProgramFailed as error:
            found['Certificates'] = condition('Unknown', 'Unreadable', str(error))
        if is_built:
            services = self._services()
            if services:
                found['Services'] = services
            for name, status, reason, text in self._told('condition', 3):
                if NAME.fullmatch(name) and status in STATUSES and REASON.fullmatch(reason):
                    text = self._node.cleaned(FLEETING.sub('', text))
                    found[name] = condition(status, reason, text)
        return found

    def versions(self) -> dict[str, str]:
        """Versions of the COE's programs and the operating system, cached for an hour."""
        if time.monotonic() >= self._versions_end:
            self._versions = dict(_release(self._node))
            self._versions.update(
                (name, text[:64])
                for name, text in self._told('version', 1) if text and PROGRAM.fullmatch(name)
            )
            self._versions_end = time.monotonic() + VERSIONS_SECONDS
        return self._versions

    def forget_versions(self) -> None:
        """Clear the cache of versions."""
        self._versions_end = 0.0

    def trusts(self) -> str | None:
        """The digest of what the services trust; None on a node without certificates."""
        return certificates.trusts(self._node) if self._node.purposes() else None

    def full_disks(self) -> list[str]:
        """File systems that are nearly full, with what is free."""
        full, seen = [], set()
        for name in DISKS:
            path = str(self._node.path(name))
            try:
                device, disk = os.stat(path).st_dev, os.statvfs(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                full.append(f'{name}: {error.strerror}')
                continue
            if device in seen:
                continue
            seen.add(device)
            free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
            least = max(LEAST_BYTES, LEAST_PART * whole)
            # The powers of two, from half a megabyte on.
            step = self._step(name, math.log2(max(free / MEGABYTE, 0.5)))
            if self._step(f'limit of {name}', least / max(free, 1)) > 0:
                full.append(f'{name}: less than {_size(1 << (step + 1))} free')
        return full

    def _disk(self) -> dict[str, str]:
        full = self.full_disks()
        return condition(not full, 'NearlyFull' if full else 'Enough', ', '.join(full))

    def _clock(self, apart: float) -> dict[str, str]:
        minutes = self._step('clock', abs(apart) / 60)
        is_off = minutes >= MOST_APART
        text = f'the clock is more than {minutes} min {"late" if apart > 0 else "early"}'
        return condition(not is_off, 'Off' if is_off else 'Right', text if is_off else '')

    def _step(self, what: str, value: float) -> int:
        """The step that a value has reached; the one before as long as it is just below."""
        before = self._steps.get(what)
        if before is None or not before - SLACK <= value < before + 1:
            before = self._steps[what] = math.floor(value)
        return before

    def _services(self) -> dict[str, str] | None:
        file = self._node.path(SERVICES)
        if not file.exists():
            return None
        names = file.read_text().split()
        bad = _not_active(names)
        if bad:
            time.sleep(SETTLING)
            bad = _not_active(names)
        return condition(not bad, 'NotActive' if bad else 'Active', ', '.join(bad))

    def _told(self, kind: str, words: int) -> list[list[str]]:
        """The script's lines of a kind: words, and the rest of the line."""
        node = self._node
        script = node.path(SCRIPT)
        if not script.exists():
            return []
        done = node.run(script, kind, seconds=SCRIPT_SECONDS)
        found = []
        if done.status is None and kind == 'condition':
            found.append(['Node', 'Unknown', 'NoAnswer', 'nothing was said in time'])
        for line in done.text.splitlines():
            first, *rest = line.split(None, words + 1) or ['']
            if first == kind and len(rest) >= words:
                found.append([*rest, ''][:words + 1])
        return found


def _size(megabytes: int) -> str:
    return f'{megabytes} MB' if megabytes < 1024 else f'{megabytes // 1024} GB'


def _not_active(names: list[str]) -> list[str]:
    """Units that are not active, with their state."""
    if not names:
        return []
    try:
        done = subprocess.run(
            ['systemctl', 'is-active', *names], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=30, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f'systemctl: {error}']
    states = done.stdout.decode().split()
    return [
        f'{name} is {said}' for name, said in zip(names, states) if said != 'active'
    ]


def _release(node: Node) -> list[tuple[str, str]]:
    try:
        words = shlex.split(node.path('/etc/os-release').read_text())
    except (OSError, ValueError):
        return []
    told = dict(word.split('=', 1) for word in words if '=' in word)
    return [('os', told['PRETTY_NAME'][:64])] if 'PRETTY_NAME' in told else []
