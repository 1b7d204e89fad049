"""Make an image of Debian or Ubuntu for nodes of bays.

``root`` is a folder, for containers and systemd-nspawn; ``qcow2`` is a disk for
Glance, of Debian, which boots by BIOS. Both are made of the same packages, by mmdebstrap.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator

from tools.node_image import build, recipe

#: By format, the programs of this machine that make it, each with its package.
PROGRAMS = {
    'root': {'mmdebstrap': 'mmdebstrap'},
    'qcow2': {
        'mmdebstrap': 'mmdebstrap', 'mke2fs': 'e2fsprogs', 'qemu-img': 'qemu-utils',
    },
}


def missing(image_format: str) -> Iterator[str]:
    """What this machine lacks, a line each."""
    if os.geteuid() != 0:
        yield 'root: files of an image belong to it; run this with sudo'
    for program, package in PROGRAMS[image_format].items():
        if not shutil.which(program):
            yield f'{program}: apt-get install {package}'


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='tools/image', description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--format', choices=list(PROGRAMS), required=True)
    parser.add_argument('--suite', choices=recipe.suites(), default=recipe.suites()[-1])
    parser.add_argument(
        '--coe', action='append', choices=recipe.coes(),
        help='what nodes of the image shall run; may be given several times\n'
        '(default: swarm and kubernetes)',
    )
    parser.add_argument(
        '--package', action='append', default=[], metavar='NAME',
        help='a further package; may be given several times',
    )
    parser.add_argument(
        '--programs', type=pathlib.Path, metavar='DIR',
        help='a folder whose files come into /usr/local/bin, as kubelet and flanneld',
    )
    parser.add_argument('--mirror', help='of the distribution (default: for Debian its own)')
    parser.add_argument('--size', type=int, default=4, help='GB of the disk (default: %(default)s)')
    parser.add_argument(
        'folder', type=pathlib.Path, metavar='DIR',
        help='where the result comes to: DIR/root or DIR/node.qcow2',
    )
    given = parser.parse_args(words)
    archive = recipe.archive(given.suite)
    if given.format == 'qcow2' and 'disk' not in archive:
        parser.error(f'--format qcow2: no disk is made of {given.suite}')
    given.mirror = given.mirror or archive['mirror']
    if not given.mirror:
        parser.error(f'--mirror: name one for {given.suite}, as none is known')
    return given


def main() -> int:
    """0 when the image is made; 2 when this machine cannot make it."""
    given = arguments()
    lacking = list(missing(given.format))
    for line in lacking:
        print(f'image: missing {line}', file=sys.stderr)
    if lacking:
        return 2
    began = time.monotonic()
    try:
        made = build.image(
            given.format, given.folder, suite=given.suite,
            coes=given.coe or ['swarm', 'kubernetes'],
            further=given.package, programs=given.programs, mirror=given.mirror,
            gigabytes=given.size,
        )
    except build.Failed as failed:
        print(f'image: {failed}', file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    print(f'{made}: {build.megabytes(made)} MB, made in {seconds:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
