"""Scripts of nodes, put into a folder that stands for a node's root."""

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
    '/var/log/magnum',
)


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
