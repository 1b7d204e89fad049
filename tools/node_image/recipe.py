"""What an image holds: the packages of ``recipe.json``, by what needs them.

Its archives are where distributions have their packages; ``disk`` is what a disk needs of
one, and ``key`` the package and the release of Debian that have the keys of another's.
"""

import functools
import json
import pathlib
from collections.abc import Collection, Mapping
from typing import Any, Final

FILE: Final = pathlib.Path(__file__).with_name('recipe.json')


@functools.cache
def recipe() -> Mapping[str, Any]:
    """The data."""
    found: Mapping[str, Any] = json.loads(FILE.read_text())
    return found


def suites() -> list[str]:
    """Releases of distributions, the one that is usual last."""
    return list(recipe()['suites'])


def archive(suite: str) -> Mapping[str, Any]:
    """Where the packages of a release are."""
    found: Mapping[str, Any] = recipe()['archives'][recipe()['suites'][suite]['archive']]
    return found


def sources(suite: str, mirror: str) -> list[str]:
    """Lines for apt."""
    data = archive(suite)
    places = {
        suite: mirror, f'{suite}-updates': mirror,
        f'{suite}-security': f'{mirror}{data["security"]}',
    }
    return [f'deb {place} {name} {data["components"]}' for name, place in places.items()]


def coes() -> list[str]:
    """COEs that an image may be for."""
    return list(recipe()['coes'])


def packages(suite: str, chosen: Collection[str], disk: bool = False) -> list[str]:
    """Packages to install, beside essential ones; each once, in alphabetical order.

    :param chosen: COEs.
    :param disk: for a machine that boots by itself.
    """
    data = recipe()
    of_suite = data['suites'][suite]
    found = {*data['guest'], *data['nodes'], *of_suite['guest']}
    for coe in chosen:
        found.update(data['coes'][coe])
    if 'docker.io' in found:
        found.update(of_suite['docker'])
    if disk:
        found.update(data['disk'], archive(suite)['disk'])
    return sorted(found)
