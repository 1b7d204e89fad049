"""What an image holds: the packages of ``recipe.json``, by what needs them."""

import functools
import json
import pathlib
from collections.abc import Collection, Mapping
from typing import Any, Final

FILE: Final = pathlib.Path(__file__).with_name('recipe.json')
#: Of Debian, unless another mirror is named.
MIRROR: Final = 'http://deb.debian.org/debian'


@functools.cache
def recipe() -> Mapping[str, Any]:
    """The data."""
    found: Mapping[str, Any] = json.loads(FILE.read_text())
    return found


def suites() -> list[str]:
    """Releases of Debian, the newest last."""
    return list(recipe()['suites'])


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
        found.update(data['disk'])
    return sorted(found)
