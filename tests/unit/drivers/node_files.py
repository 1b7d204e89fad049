"""Scripts of nodes, put into a folder that stands for a node's root."""

import os
import pathlib
import shutil

import magnum.drivers

FOLDER = pathlib.Path(magnum.drivers.__file__).parent
#: What steps of Kubernetes source beside lib.sh.
KUBERNETES = ('kubernetes/node/kubernetes.sh', 'kubernetes/node/downloads.sh')
_PATHS = (
    '/opt/magnum',
    '/etc/kubernetes',
    '/etc/magnum',
    '/etc/systemd',
    '/proc/net/route',
    '/run/cloud-init',
    '/run/magnum',
    '/usr/local/bin/magnum',
    '/usr/local/lib/',
    '/usr/share/java',
    '/usr/share/zookeeper',
    '/var/lib/cloud',
    '/var/lib/magnum-etcd',
    '/var/lib/magnum-zookeeper',
    '/var/lib/magnum/',
    '/var/lib/magnum-agent',
    '/var/log/magnum',
)

#: A kernel's routes of a node 10.0.200.5 in 10.0.0.0/16, whose containers have 172.17.0.0/16.
ROUTES = """\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\tFEA9FEA9\t0200000A\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""

#: Where a command is run that is given after it and a folder: on that lies an empty file
#: system of 1 MB, which nobody else sees.
_SMALL = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'


def small_disk(folder: pathlib.Path) -> list[str]:
    """The beginning of a command that finds a small file system on a folder."""
    return ['unshare', '--mount', 'sh', '-c', _SMALL, str(folder)]


def can_mount() -> bool:
    """Whether a small file system can be made here."""
    return os.getuid() == 0 and shutil.which('unshare') is not None


def place_agent(root: pathlib.Path) -> None:
    """Put the agent below the root, of which it is told."""
    shutil.copytree(
        FOLDER / 'common/node/agent', root / 'opt/magnum/agent',
        ignore=shutil.ignore_patterns('__pycache__'), dirs_exist_ok=True,
    )


def below(root: pathlib.Path, text: str) -> str:
    """The text of a script in which the paths of a node lie below the root."""
    for name in _PATHS:
        text = text.replace(name, f'{root}{name}')
    return text


def place_routes(root: pathlib.Path) -> None:
    """Put a kernel's routes below the root."""
    file = root / 'proc/net/route'
    file.parent.mkdir(parents=True)
    file.write_text(ROUTES)


def place(root: pathlib.Path, script: str, path: str) -> pathlib.Path:
    """Write a script below the root; what it names lies below the root, too.

    Programs in the root's usr/local/bin come before those of this machine.
    """
    text = below(root, (FOLDER / script).read_text())
    text = text.replace('export PATH=', f'export PATH={root}/usr/local/bin:')
    text = text.replace('-m agent ', f'-m agent --root {root} ')
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file
