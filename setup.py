"""Installation; everything that is said is said in setup.cfg."""

import os
import subprocess

import setuptools


def _git_knows_a_version():
    """Whether this tree is a git checkout that pbr can take a version from."""
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        return (
            subprocess.run(
                ['git', '-C', here, 'rev-parse', '--verify', 'HEAD'], capture_output=True
            ).returncode
            == 0
        )
    except OSError:
        return False


# A tree without git (an export, a copy in an image) installs all the same.
if not os.path.exists('PKG-INFO') and not _git_knows_a_version():
    os.environ.setdefault('PBR_VERSION', '0.1.0')

setuptools.setup(setup_requires=['pbr>=6.1.1'], pbr=True)
