"""Control groups: which kind a machine gets, and what is left of one."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Final

UNIFIED: Final = 'unified'
LEGACY: Final = 'legacy'

#: By COE; others take what there is. Programs of Kubernetes 1.20 want controllers,
#: wherever they are.
_NEEDS_CONTROLLERS: Final = frozenset({'kubernetes'})


def kind(coe: str) -> str:
    """The kind for a node: unified, unless it needs controllers that are not there.

    :param coe: of the node's bay.
    """
    return LEGACY if coe in _NEEDS_CONTROLLERS and _in_first_version('memory') else UNIFIED


def remove(name: str) -> None:
    """Remove a machine's groups from all hierarchies that are mounted here."""
    for top in _mounts():
        for folder, _, _ in os.walk(top / name, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _in_first_version(controller: str) -> bool:
    """Whether a controller belongs to a hierarchy of the first version."""
    try:
        lines = pathlib.Path('/proc/cgroups').read_text().splitlines()
    except OSError:
        return False
    hierarchies = {words[0]: words[1] for words in map(str.split, lines[1:])}
    return hierarchies.get(controller, '0') != '0'


def _mounts() -> Iterator[pathlib.Path]:
    for line in pathlib.Path('/proc/mounts').read_text().splitlines():
        _, place, filesystem, *_ = line.split()
        if filesystem in ('cgroup', 'cgroup2'):
            yield pathlib.Path(place)
