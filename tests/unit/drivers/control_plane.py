"""A made-up Kubernetes node below a folder: real steps, stand-ins of programs."""

import os
import pathlib
import re
import subprocess
from collections.abc import Sequence

from tests import cis
from tests.unit.drivers import node_files
from tests.unit.drivers.test_units import arguments

#: Keeps the first value that it is given, as the transaction of the step asks for; its
#: members say their versions.
ETCDCTL = """#!/bin/bash
for word; do
    case $word in
        status) cat @root/members ;;
        txn) [ -e @root/kept ] || sed -n 's/^put [^ ]* //p' >@root/kept ;;
        get) cat @root/kept ;;
    esac
done
"""
PROGRAMS = (
    'etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubelet',
)
KEY = 'a2V5IG9mIDMyIGJ5dGVzLCBvbmx5IGZvciB0ZXN0cyE='


class Node:
    """Runs steps.

    :param etcd: versions of the members of etcd.
    :ivar etc: its ``/etc/kubernetes``.
    """

    def __init__(
        self, root: pathlib.Path, release: str = 'v1.35.1', role: str = 'master',
        etcd: Sequence[str] = ('3.5.27',),
    ):
        self.root, self._role = root, role
        self.etc = root / 'etc/kubernetes'
        self.certificates = root / 'etc/magnum/certificates'
        self._bin = root / 'usr/local/bin'
        for folder in (self._bin, self.certificates, root / 'etc/systemd/system'):
            folder.mkdir(parents=True, exist_ok=True)
        (root / 'members').write_text(''.join(
            f'https://10.0.0.{5 + index}:2379, 8e9e05c52164694d, {version}, 20 kB, true\n'
            for index, version in enumerate(etcd)
        ))
        texts = {
            **dict.fromkeys(PROGRAMS, f'#!/bin/sh\necho Kubernetes {release}\n'),
            **dict.fromkeys(('kubectl', 'sleep', 'systemctl'), '#!/bin/sh\n'),
            'etcdctl': ETCDCTL.replace('@root', str(root)),
        }
        for name, text in texts.items():
            file = self._bin / name
            file.write_text(text)
            file.chmod(0o755)
        for script in ('common/node/lib.sh', *node_files.KUBERNETES):
            node_files.place(root, script, f'opt/magnum/{pathlib.Path(script).name}')

    def give_key(self, key: str) -> None:
        """As the agent does when it registers."""
        (self.root / 'etc/magnum/encryption-key').write_text(key)

    def run(self, step: str, **told: str) -> 'subprocess.CompletedProcess[str]':
        """Run a step with these settings."""
        file = node_files.place(self.root, f'kubernetes/node/{step}.sh', f'opt/magnum/{step}.sh')
        texts = file.read_text() + (self.root / 'opt/magnum/downloads.sh').read_text()
        names = re.findall(r'\bMAGNUM_[A-Z_]+\b', texts)
        environment = {
            **dict.fromkeys(names, ''),
            'MAGNUM_API_SECONDS': '5',
            'MAGNUM_SERVICES_SECONDS': '2',
            'MAGNUM_MASTER_ADDRESSES': '10.0.0.5',
            'MAGNUM_NODE_ADDRESS': '10.0.0.5',
            'MAGNUM_NODE_ROLE': self._role,
            **told,
        }
        return subprocess.run(
            [file], capture_output=True, text=True, check=False, timeout=60,
            env={**environment, 'PATH': f'{self._bin}:{os.environ["PATH"]}'},
        )

    def options(self, unit: str) -> dict[str, str]:
        """Those of a program as systemd would start it: of equal ones the last."""
        return cis.options(arguments(self.root / 'etc/systemd/system', unit)[1:])
