"""Fetching the source package, patching it, and building its programs."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator

from tools.common import command, machine
from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.processes import run_logged
from tools.nodes import layout
from tools.nodes.kubernetes import recipe

_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
_DISK = 4.0  # GiB while it builds; what stays are 0.3


def missing() -> Iterator[str]:
    """What this machine lacks, a line each."""
    for name, package in recipe.NEEDED.items():
        if not shutil.which(name):
            yield f'{name}: apt-get install {package}'
    if not pathlib.Path(_KEYRING).exists():
        yield f'{_KEYRING}: apt-get install debian-archive-keyring'
    if shutil.which('go'):
        release = _go()
        first, last = recipe.GO
        if not first <= release <= last:
            yield (
                f'Go {".".join(map(str, first))} to {".".join(map(str, last))}: Kubernetes '
                f'{recipe.VERSION} does not build with {".".join(map(str, release))}'
            )


def programs(mirror: str = layout.MIRRORS['debian']) -> pathlib.Path:
    """The folder of the programs; they are built unless they were before.

    :raises ToolError: something is missing, or a command failed.
    """
    place = recipe.place()
    if place.exists():
        return place
    lacking = list(missing())
    if lacking:
        raise ToolError('\n  '.join([
            'to build Kubernetes this machine lacks (tools/system-packages kubernetes)', *lacking,
        ]))
    place.parent.mkdir(parents=True, exist_ok=True)
    with command.lock(place.parent / 'lock', lambda: say('another build of Kubernetes goes on')):
        if not place.exists():
            for broken_off in place.parent.glob('build-*'):
                shutil.rmtree(broken_off)
            machine.require_disk(place.parent, _DISK)
            log = place.parent / f'{place.name}.log'
            with tempfile.TemporaryDirectory(dir=place.parent, prefix='build-') as work:
                made = _build(pathlib.Path(work), log, mirror)
                made.rename(place)
    return place


def _go() -> tuple[int, int]:
    text = subprocess.run(
        ['go', 'env', 'GOVERSION'], check=True, capture_output=True, text=True
    ).stdout
    found = re.match(r'go(\d+)\.(\d+)', text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _build(work: pathlib.Path, log: pathlib.Path, mirror: str) -> pathlib.Path:
    """Everything below a folder of its own."""
    log.write_text('')
    say(f'the source package of Kubernetes {recipe.VERSION}; output is in {log}')
    tree = _source(work, log, mirror)
    made = work / 'made'
    made.mkdir()
    for version in (recipe.VERSION, recipe.NEXT):
        environment = _environment(work, version)
        folder = recipe.programs_of(made, version)
        folder.mkdir(exist_ok=True)
        for name in recipe.PROGRAMS:
            began = time.monotonic()
            # Its makefile makes generated sources first, which are not in the package.
            run_logged(
                ['make', f'WHAT=cmd/{name}', f'GOLDFLAGS={recipe.LINKER}'], log,
                env=environment, cwd=tree,
            )
            built = tree / '_output/local/bin/linux' / _architecture() / name
            shutil.copy2(built, folder / name)
            say(f'{name} {version}: {time.monotonic() - began:.0f} s')
    for name, source in recipe.STANDINS.items():
        run_logged(
            ['go', 'build', f'-ldflags={recipe.LINKER}', '-o', made / name, source], log,
            env={**environment, 'GOFLAGS': ''},
        )
    return made


def _architecture() -> str:
    return subprocess.run(
        ['go', 'env', 'GOARCH'], check=True, capture_output=True, text=True
    ).stdout.strip()


def _source(work: pathlib.Path, log: pathlib.Path, mirror: str) -> pathlib.Path:
    """The unpacked tree, with Debian's patches and ours, where Go wants it."""
    apt = work / 'apt'
    for folder in ('lists/partial', 'cache/archives/partial'):
        (apt / folder).mkdir(parents=True)
    signed = f'deb-src [signed-by={_KEYRING}]'
    (apt / 'sources.list').write_text(
        f'{signed} {mirror} {recipe.SUITE} main\n'
        f'{signed} {mirror}-security {recipe.SUITE}-security main\n'
    )
    options = [
        f'--option={name}={value}' for name, value in {
            'Dir::Etc::SourceList': apt / 'sources.list',
            'Dir::Etc::SourceParts': '/dev/null',
            'Dir::State::Lists': apt / 'lists',
            'Dir::Cache': apt / 'cache',
            # Its folders are those of a user whose files are nobody's else.
            'APT::Sandbox::User': 'root',
        }.items()
    ]
    run_logged(['apt-get', *options, '--quiet', 'update'], log)
    run_logged(
        ['apt-get', *options, '--quiet', '--download-only', 'source', recipe.PACKAGE], log,
        cwd=work,
    )
    description, = work.glob('*.dsc')
    # apt has checked what it downloaded by the archive's signature.
    tree = work / 'go/src/k8s.io/kubernetes'
    tree.parent.mkdir(parents=True)
    run_logged(['dpkg-source', '--no-check', '--extract', description, tree], log)
    for patch in recipe.PATCHES:
        run_logged(['patch', '--strip=1', '--input', patch], log, cwd=tree)
    return tree


def _environment(work: pathlib.Path, release: str) -> dict[str, str]:
    """Variables of the build: of this machine's only where programs and a proxy are.

    :param release: what the programs call themselves.
    """
    major, minor = release.removeprefix('v').split('.')[:2]
    version = work / 'version'
    version.write_text(
        f'KUBE_GIT_COMMIT=debian\nKUBE_GIT_TREE_STATE=clean\nKUBE_GIT_VERSION={release}\n'
        f'KUBE_GIT_MAJOR={major}\nKUBE_GIT_MINOR={minor}\n'
    )
    return {
        'PATH': os.environ['PATH'],
        'HOME': str(work),
        'GOPATH': str(work / 'go'),
        'GOCACHE': str(work / 'cache'),
        'GO111MODULE': 'off',
        'GOFLAGS': f'-tags={",".join(recipe.TAGS)}',
        'CGO_ENABLED': '0',
        'KUBE_GIT_VERSION_FILE': str(version),
    }
