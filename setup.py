"""Installation; everything is in setup.cfg but the version, which is the tree's own."""

import os
import pathlib
import re

import setuptools

_VERSION = pathlib.Path(__file__).with_name('magnum') / 'version.py'
_FOUND = re.search(r"^VERSION.*= '(.+)'$", _VERSION.read_text(), re.MULTILINE)
if _FOUND is None:
    raise ValueError(f'{_VERSION} has no version')

# Without this pbr counts commits since the last tag, and tags do not travel
# with every clone and archive.
os.environ.setdefault('PBR_VERSION', _FOUND[1])

setuptools.setup(setup_requires=['pbr>=6.1.1'], pbr=True)
