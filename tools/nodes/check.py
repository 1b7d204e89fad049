"""Whether real machines can boot on this host."""

import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

from tools.nodes import layout

_PROGRAMS: Final = {
    'ip': 'iproute2', 'iptables': 'iptables', 'losetup': 'mount', 'mmdebstrap': 'mmdebstrap',
    'nsenter': 'util-linux', 'systemd-nspawn': 'systemd-container', 'unshare': 'util-linux',
}
#: What the kernel has to let us do, and how that is tried in namespaces of its own.
_TRIALS: Final = {
    'network namespaces': 'true',
    'mounting cgroup2 in a namespace':
        'mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir /sys/fs/cgroup/$NAME && '
        'rmdir /sys/fs/cgroup/$NAME',
    'mounting an overlay in {folder}': 'mount -t overlay overlay -o '
        'lowerdir=$FOLDER/lower,upperdir=$FOLDER/upper,workdir=$FOLDER/work $FOLDER/root',
    'bridges and pairs of interfaces':
        'ip link add br0 type bridge && ip link add veth1 type veth peer name veth2 && '
        'ip link set veth1 master br0',
    'rules of netfilter for connections':
        'iptables -t mangle -A PREROUTING -m conntrack --ctstate ESTABLISHED -j RETURN && '
        'iptables -t nat -A POSTROUTING -j MASQUERADE && '
        'iptables -A FORWARD -m conntrack --ctstate NEW -j REJECT',
    'kernel parameters of a namespace': 'echo 1 >/proc/sys/net/ipv4/ip_forward',
}


def missing() -> Iterator[str]:
    """What is missing, a line each; nothing when machines can boot here."""
    if os.geteuid() != 0:
        yield 'root: namespaces and mounts belong to it; run this as root'
        return
    absent = {name: package for name, package in _PROGRAMS.items() if not shutil.which(name)}
    for name, package in absent.items():
        yield f'{name}: tools/system-packages nodes installs the package {package}'
    if absent.keys() & {'ip', 'iptables', 'unshare'}:
        return
    layout.STATE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layout.STATE, prefix='check-') as folder:
        for name in ('lower', 'upper', 'work', 'root'):
            pathlib.Path(folder, name).mkdir()
        for what, script in _TRIALS.items():
            said = _try(script, folder)
            if said is not None:
                yield f'{what.format(folder=layout.STATE)}: {said}'


def _try(script: str, folder: str) -> str | None:
    """What a script says that fails in new namespaces; None when it does not."""
    environment = {**os.environ, 'FOLDER': folder, 'NAME': layout.namespace('c')}
    done = subprocess.run(
        ['unshare', '--mount', '--net', 'sh', '-c', script],
        env=environment, capture_output=True, text=True, timeout=60,
    )
    if not done.returncode:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f'failed ({done.returncode})'
